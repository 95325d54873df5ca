"""The label table: FreeSurfer ids, SynthSeg's names, and the structures of the study."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.study.errors import StudyError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Structure:
    """A structure of the study and the FreeSurfer ids of its left (or midline) and right parts."""

    name: str
    left: tuple[int, ...]
    right: tuple[int, ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """All FreeSurfer ids that belong to the structure."""
        return self.left + self.right


# Volumes of the two hemispheres are summed before any statistic. The inferior horn of the lateral
# ventricle is part of it here, because small networks do not tell the two apart at 2 mm.
STRUCTURES = (
    Structure("white_matter", (2,), (41,)),
    Structure("cortex", (3,), (42,)),
    Structure("lateral_ventricle", (4, 5), (43, 44)),
    Structure("cerebellum_white_matter", (7,), (46,)),
    Structure("cerebellum_cortex", (8,), (47,)),
    Structure("thalamus", (10,), (49,)),
    Structure("caudate", (11,), (50,)),
    Structure("putamen", (12,), (51,)),
    Structure("pallidum", (13,), (52,)),
    Structure("third_ventricle", (14,)),
    Structure("fourth_ventricle", (15,)),
    Structure("brainstem", (16,)),
    Structure("hippocampus", (17,), (53,)),
    Structure("amygdala", (18,), (54,)),
    Structure("csf", (24,)),
    Structure("accumbens", (26,), (58,)),
    Structure("ventral_dc", (28,), (60,)),
)

# SynthSeg 2.0: FreeSurfer id -> name in the header of its volume table, in channel order.
# Source: Billot et al. 2023, doi:10.1016/j.media.2023.102789.
SYNTHSEG_TABLE = {
    2: "left cerebral white matter",
    3: "left cerebral cortex",
    4: "left lateral ventricle",
    5: "left inferior lateral ventricle",
    7: "left cerebellum white matter",
    8: "left cerebellum cortex",
    10: "left thalamus",
    11: "left caudate",
    12: "left putamen",
    13: "left pallidum",
    14: "3rd ventricle",
    15: "4th ventricle",
    16: "brain-stem",
    17: "left hippocampus",
    18: "left amygdala",
    24: "csf",
    26: "left accumbens area",
    28: "left ventral DC",
    41: "right cerebral white matter",
    42: "right cerebral cortex",
    43: "right lateral ventricle",
    44: "right inferior lateral ventricle",
    46: "right cerebellum white matter",
    47: "right cerebellum cortex",
    49: "right thalamus",
    50: "right caudate",
    51: "right putamen",
    52: "right pallidum",
    53: "right hippocampus",
    54: "right amygdala",
    58: "right accumbens area",
    60: "right ventral DC",
}
# FreeSurfer id of the left or only part -> what tables call it for short
ABBREVIATIONS = {
    0: "BG",
    2: "CWM",
    3: "CTX",
    4: "LV",
    5: "ILV",
    7: "CBWM",
    8: "CBCTX",
    10: "THA",
    11: "CAU",
    12: "PUT",
    13: "PAL",
    14: "V3",
    15: "V4",
    16: "BS",
    17: "HIP",
    18: "AMY",
    24: "CSF",
    26: "ACC",
    28: "VDC",
}
INFERIOR_HORNS = frozenset((5, 44))
"""Parts of the lateral ventricles for which some networks have no label of their own."""
LABELS = {entry.name: entry.labels for entry in STRUCTURES}
SYNTHSEG_LABELS = (0, *SYNTHSEG_TABLE)
SYNTHSEG_NAMES = tuple(SYNTHSEG_TABLE.values())
MERGED = {r: left for s in STRUCTURES for left, r in zip(s.left, s.right, strict=False)}


def structure(name: str) -> Structure:
    """Return the structure with this key; raise `StudyError` naming the known ones."""
    for candidate in STRUCTURES:
        if candidate.name == name:
            return candidate
    known = ", ".join(s.name for s in STRUCTURES)
    raise StudyError(f"analyse.structures: unknown structure '{name}'; known: {known}")


def columns(entry: Structure, available: list[str]) -> list[str]:
    """Return the columns of a volume table that add up to a structure.

    SynthSeg's own tables have a column a side; networks that merge the sides write the name without
    `left` or `right`.
    """
    sided = [SYNTHSEG_TABLE[label] for label in entry.labels]
    found = [name for name in sided if name in available]
    merged = {name.removeprefix("left ").removeprefix("right ") for name in sided}
    return found or sorted(merged & set(available))


def structure_volumes(table: "pd.DataFrame") -> "pd.DataFrame":
    """Sum the columns of a SynthSeg volume table into the structures of the study.

    V_k = sum of V_label over the labels of structure k, both hemispheres.

    Args:
        table: one row a subject, index `subject`, columns of SynthSeg's volume table, mm3.

    Returns:
        One row a subject, one column a structure (its key), mm3; structures without any column are
        left out.
    """
    available = list(table.columns)
    groups = {s.name: columns(s, available) for s in STRUCTURES}
    sums = {name: table[parts].sum(axis=1) for name, parts in groups.items() if parts}
    return table.assign(**sums)[list(sums)]
