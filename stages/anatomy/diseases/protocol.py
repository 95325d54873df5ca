"""What a disease is: how it changes a head, and what is told of it.

A label map of 1 mm voxels comes in and another goes out, so that procedural heads and heads from
label maps get the same diseases.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from stages.params.phantom import PathologyParams, TissueParams


def unchanged(params: PathologyParams) -> Mapping[int, TissueParams]:
    """Return no tissues: the disease has no labels of its own."""
    return {}


@dataclass(frozen=True)
class Disease:
    """A disease of simulated heads."""

    name: str
    """As in section `phantom.pathology` and in the names of scans."""
    title: str
    focal: bool
    """Whether it is one lesion, which lies where it is seen even if it moves tissue elsewhere."""
    changes: str
    """What it changes, in a few words."""
    apply: Callable[[np.ndarray, PathologyParams, np.random.Generator], np.ndarray]
    """From FreeSurfer ids, 1 mm voxels (superior, anterior, right), to those with the disease;
    raises `StudyError` if it does not fit into the head."""
    counted_as: Mapping[int, int]
    """Label of a lesion -> label that volumes count it as; 0 is none of the structures.

    Gliosis and swollen tissue count as the tissue that they were, CSF as CSF, and a mass as
    none of the structures."""
    tissues: Callable[[PathologyParams], Mapping[int, TissueParams]] = unchanged
    """Label of a lesion -> what its signal depends on."""
    fluids: tuple[int, ...] = ()
    """Labels of lesions that hold the subject's CSF."""
