"""What the training images of the segmentation network are made of.

Every tissue has a T1-weighted signal, a spread around it and an output channel. Left and right have
channels of their own and one signal. Tissue outside the brain is that of SynthSeg's label maps
(ids 502 to 530, doi:10.1016/j.media.2023.102789), and of the study's digital phantoms.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from stages.anatomy.diseases.catalogue import COUNTED_AS, DISEASES, FLUIDS
from stages.anatomy.label_maps import MERGED_INTO
from stages.anatomy.tissue import (
    CSF,
    FAT_MARROW,
    LEFT_TO_RIGHT,
    MUSCLE_SKIN,
    SPINAL_CORD,
    TISSUES,
    Tissue,
    relative_signals,
    tissue_signal,
)
from stages.params.phantom import PathologyParams
from stages.segmenters.synthseg.labels import SIDED_LABELS, sided_label

ARTERY, MUCOSA, SKIN, VEIN, BONE = 502, 509, 511, 514, 515
FAT, DURA = 700, 701
"""Fat below the skin and between muscles; membranes and vessels at the border of the skull. These
ids and those of the plexus are the study's own."""
PLEXUS = (702, 703)
"""Choroid plexus of the left and right lateral ventricle, which counts as ventricle."""
SURROUNDINGS = {
    ARTERY: 0.5,
    MUCOSA: 0.75,
    SKIN: 0.95,
    VEIN: 0.4,
    BONE: 0.06,
}
"""Assumed signals of tissues that the table of tissues has not, in units of white matter."""
WITHIN = {DURA: (0.32, CSF), PLEXUS[0]: (0.5, 4), PLEXUS[1]: (0.5, 43)}
"""Tissues that count as CSF: assumed signal, label that they count as."""
WIDE = {DURA: 3.0, PLEXUS[0]: 2.0, PLEXUS[1]: 2.0} | dict.fromkeys(COUNTED_AS, 2.0)
"""Spread of their signals in units of that of the other tissues; assumed."""

READ_AS = {
    **MERGED_INTO,
    **{136: PLEXUS[0], 31: PLEXUS[0], 163: PLEXUS[1], 63: PLEXUS[1], 137: 4, 164: 43},
    **{25: 78, 57: 79, 77: 78, 78: 78, 79: 79},  # lesions and hypointensities of white matter
    **{5: 4, 44: 43, 85: SPINAL_CORD, 530: SPINAL_CORD, 508: MUSCLE_SKIN, 258: MUSCLE_SKIN},
    **{ARTERY: ARTERY, MUCOSA: MUCOSA, SKIN: SKIN, VEIN: VEIN, 165: BONE},
}
"""Label of a map -> tissue, where they differ."""


@dataclass(frozen=True)
class Materials:
    """The tissues of the maps that images are drawn from; index 0 is air. Arrays (n_tissues,)."""

    signals: np.ndarray
    """T1w signal, white matter 1."""
    channels: np.ndarray
    """Output channel of the network, 0 for background."""
    spreads: np.ndarray
    """Of the logarithm of the signal, in units of the drawn one."""
    groups: np.ndarray
    """Tissues of one number have one draw: left and right."""
    mirrored: np.ndarray
    """Index of the same tissue on the other side."""
    outside: np.ndarray
    """Whether it lies outside the brain, bool."""

    @property
    def n_channels(self) -> int:
        """Number of output channels, background included."""
        return int(self.channels.max()) + 1


def tissue_ids() -> list[int]:
    """Return the tissues: structures, lesions, what counts as CSF, surroundings."""
    around = {label for label in TISSUES if label > 100} | set(SURROUNDINGS) | {FAT}
    return [*SIDED_LABELS[1:], *sorted(COUNTED_AS), *sorted(WITHIN), *sorted(around)]


@cache
def index_of() -> dict[int, int]:
    """Return the palette index of every label that a map may hold."""
    index = {label: number + 1 for number, label in enumerate(tissue_ids())}
    known = {label: index[label] for label in index}
    known |= {label: index[goal] for label, goal in READ_AS.items() if goal in index}
    return known | {label: index[sided_label(label)] for label in (5, 44)}


def other_side() -> dict[int, int]:
    """Return tissue -> the same tissue on the other side, of those that have sides."""
    pairs = {left: right for left, right in LEFT_TO_RIGHT.items() if left in SIDED_LABELS}
    pairs |= dict([(78, 79), (601, 602), (603, 604), (612, 613), PLEXUS])
    return pairs | {right: left for left, right in pairs.items()}


def counted_as(tissue: int) -> int:
    """Return the label of the network that a tissue counts as; 0 for background."""
    label = WITHIN[tissue][1] if tissue in WITHIN else COUNTED_AS.get(tissue, tissue)
    return sided_label(label) if sided_label(label) in SIDED_LABELS else 0


def signals(pathology: PathologyParams) -> dict[int, float]:
    """Return the signal of every tissue in units of white matter's."""
    white_matter = tissue_signal(TISSUES[2])
    known = relative_signals() | SURROUNDINGS | {FAT: relative_signals()[FAT_MARROW]}
    known |= {label: signal for label, (signal, _) in WITHIN.items()}
    for disease in DISEASES.values():
        for label, tissue in disease.tissues(pathology).items():
            ill = Tissue(tissue.t1_ms, tissue.proton_density, "")
            known[label] = tissue_signal(ill) / white_matter
    return known | dict.fromkeys(FLUIDS, known[CSF])


def materials(pathology: PathologyParams) -> Materials:
    """Return the tissues of the training images; lesions have the signals of the parameters."""
    ids, known, other = tissue_ids(), signals(pathology), other_side()
    index = {label: number + 1 for number, label in enumerate(ids)}
    channels = [SIDED_LABELS.index(counted_as(label)) for label in ids]
    mirrored = [index[other.get(label, label)] for label in ids]
    return Materials(
        signals=np.array([0.0, *(known[label] for label in ids)]),
        channels=np.array([0, *channels]),
        spreads=np.array([0.0, *(WIDE.get(label, 1.0) for label in ids)]),
        groups=np.array(
            [0, *(min(index[label], m) for label, m in zip(ids, mirrored, strict=True))]
        ),
        mirrored=np.array([0, *mirrored], np.uint8),
        outside=np.array([False, *(label > 100 and _around(label) for label in ids)]),
    )


def _around(label: int) -> bool:
    return label not in WITHIN and label not in COUNTED_AS
