"""Parcels of the cerebral cortex: the Desikan-Killiany atlas by FreeSurfer's ids and names.

Each hemisphere has 34 parcels; number n of the atlas is label 1000 + n on the left and 2000 + n on
the right. They divide the cortex (labels 3 and 42), which stays a structure of its own.
Desikan et al., NeuroImage 31:968 (2006), doi:10.1016/j.neuroimage.2006.01.021.
"""

import numpy as np

NUMBERS = {  # of FreeSurfer's colour table; 0 is unknown, 4 the corpus callosum
    1: "bankssts",
    2: "caudalanteriorcingulate",
    3: "caudalmiddlefrontal",
    5: "cuneus",
    6: "entorhinal",
    7: "fusiform",
    8: "inferiorparietal",
    9: "inferiortemporal",
    10: "isthmuscingulate",
    11: "lateraloccipital",
    12: "lateralorbitofrontal",
    13: "lingual",
    14: "medialorbitofrontal",
    15: "middletemporal",
    16: "parahippocampal",
    17: "paracentral",
    18: "parsopercularis",
    19: "parsorbitalis",
    20: "parstriangularis",
    21: "pericalcarine",
    22: "postcentral",
    23: "posteriorcingulate",
    24: "precentral",
    25: "precuneus",
    26: "rostralanteriorcingulate",
    27: "rostralmiddlefrontal",
    28: "superiorfrontal",
    29: "superiorparietal",
    30: "superiortemporal",
    31: "supramarginal",
    32: "frontalpole",
    33: "temporalpole",
    34: "transversetemporal",
    35: "insula",
}
LEFT, RIGHT = 1000, 2000  # what the ids of a hemisphere begin at
CORTEX = {LEFT: 3, RIGHT: 42}
"""First id of a hemisphere's parcels -> FreeSurfer id of its cortex."""
PARCEL_TABLE = {
    first + number: f"ctx-{side}-{name}"
    for first, side in ((LEFT, "lh"), (RIGHT, "rh"))
    for number, name in NUMBERS.items()
}
"""FreeSurfer id -> name, as in volume tables of SynthSeg and FreeSurfer, by ascending id."""
PARCEL_LABELS = tuple(PARCEL_TABLE)
PARCEL_NAMES = tuple(PARCEL_TABLE.values())
N_PARCELS = len(NUMBERS)  # of a hemisphere


def without_parcels(labels: np.ndarray) -> np.ndarray:
    """Return a label map in which every parcel is the cortex of its side again.

    Args:
        labels: any shape, FreeSurfer ids; returned as it is if it has no parcels.
    """
    if labels.size == 0 or labels.max() <= LEFT:
        return labels
    whole = labels.copy(order="K")
    for first, cortex in CORTEX.items():
        whole[(labels > first) & (labels <= first + max(NUMBERS))] = cortex
    return whole
