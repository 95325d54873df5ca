"""The kinds of sampling masks.

A new kind is a module with its `MaskKind`, its line here, and its name and options in
`stages/params/mask.py`.
"""

from stages.kspace.masks.challenge import CHALLENGE
from stages.kspace.masks.equispaced import EQUISPACED
from stages.kspace.masks.file import FILE
from stages.kspace.masks.protocol import MaskKind
from stages.kspace.masks.random import RANDOM
from stages.kspace.masks.uniform_poisson import UNIFORM_POISSON
from stages.kspace.masks.variable_density_poisson import VARIABLE_DENSITY_POISSON
from stages.params.mask import MaskParams

KINDS: dict[str, MaskKind] = {
    kind.name: kind
    for kind in (
        CHALLENGE,
        UNIFORM_POISSON,
        VARIABLE_DENSITY_POISSON,
        EQUISPACED,
        RANDOM,
        FILE,
    )
}
"""By name."""


def chosen(params: MaskParams) -> MaskKind:
    """Return the kind that the parameters choose."""
    return KINDS[params.kind]
