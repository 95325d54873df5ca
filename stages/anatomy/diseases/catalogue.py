"""The diseases of simulated heads.

A new disease is a module that ends in its `Disease`, and its line here; its parameters are a
section of `phantom.pathology`. Tables and figures know it by its name alone.
"""

import numpy as np

from stages.anatomy.diseases.atrophy import ATROPHY
from stages.anatomy.diseases.infarct import INFARCT
from stages.anatomy.diseases.lesions import LESIONS
from stages.anatomy.diseases.protocol import Disease
from stages.anatomy.diseases.tumour import TUMOUR

DISEASES: dict[str, Disease] = {each.name: each for each in (ATROPHY, LESIONS, INFARCT, TUMOUR)}
"""By name."""
COUNTED_AS = {
    label: other for each in DISEASES.values() for label, other in each.counted_as.items()
}
"""Label of a lesion of any kind -> label that volumes count it as; 0 is none of the structures."""
FLUIDS = tuple(label for each in DISEASES.values() for label in each.fluids)
"""Labels of lesions that hold CSF."""


def without_lesions(labels: np.ndarray) -> np.ndarray:
    """Return the label map whose lesions of any kind are what volumes count them as."""
    table = np.arange(max(int(labels.max()), *COUNTED_AS) + 1, dtype=labels.dtype)
    table[list(COUNTED_AS)] = list(COUNTED_AS.values())
    return table[labels]


def lesion_mask(labels: np.ndarray) -> np.ndarray:
    """Return where lesions of any kind are, uint8 of the shape of `labels`."""
    return np.isin(labels, list(COUNTED_AS)).astype(np.uint8)
