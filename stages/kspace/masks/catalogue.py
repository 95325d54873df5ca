"""The kinds of sampling masks.

A new kind is a module with its `MaskKind`, and its line here.
"""

from stages.kspace.masks.challenge import CHALLENGE
from stages.kspace.masks.protocol import MaskKind
from stages.kspace.masks.variable_density_poisson import VARIABLE_DENSITY_POISSON
from stages.params.mask import MaskParams

KINDS: dict[str, MaskKind] = {kind.name: kind for kind in (VARIABLE_DENSITY_POISSON, CHALLENGE)}
"""By name."""


def chosen(params: MaskParams) -> MaskKind:
    """Return the kind that the parameters choose: the challenge's where its files are named."""
    return VARIABLE_DENSITY_POISSON if params.files is None else CHALLENGE
