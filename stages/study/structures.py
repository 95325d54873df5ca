"""The label table: FreeSurfer ids, the names that segmenters give them, and the structures."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from stages.study.errors import StudyError
from stages.study.parcels import LEFT, NUMBERS, PARCEL_TABLE, RIGHT

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
PARCELS = tuple(
    Structure(f"ctx_{name}", (LEFT + number,), (RIGHT + number,))
    for number, name in NUMBERS.items()
)
"""Parts of `cortex`, of segmenters that divide it."""

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
WHOLE_VENTRICLES = {
    "left lateral ventricle with inferior horn": (4, 5),
    "right lateral ventricle with inferior horn": (43, 44),
}
"""Columns of networks that tell the sides apart, but not the thin inferior horns."""
# What FreeSurfer and FastSurfer call a label where SynthSeg calls it otherwise, in `aseg.stats`, in
# the tables of `asegstats2table` and in `FreeSurferColorLUT.txt`; capitals, blanks, `-` and `_`
# do not count. `Cortex` and white matter of a hemisphere are measures of the surfaces there.
OTHER_NAMES = {
    2: ("lhCerebralWhiteMatterVol", "lhCorticalWhiteMatterVol"),
    3: ("lhCortexVol",),
    5: ("Left-Inf-Lat-Vent",),
    10: ("Left-Thalamus-Proper",),
    14: ("third ventricle",),
    15: ("fourth ventricle",),
    16: ("brainstem",),
    26: ("Left-Accumbens",),
    28: ("Left-VentralDC",),
    41: ("rhCerebralWhiteMatterVol", "rhCorticalWhiteMatterVol"),
    42: ("rhCortexVol",),
    44: ("Right-Inf-Lat-Vent",),
    49: ("Right-Thalamus-Proper",),
    58: ("Right-Accumbens",),
    60: ("Right-VentralDC",),
}
# Whole structures of the study by names of other programs, both sides in one number
OTHER_WHOLES = {
    "CerebralWhiteMatterVol": "white_matter",
    "CorticalWhiteMatterVol": "white_matter",
    "CortexVol": "cortex",
}
# Columns that no structure of the study is made of: other measures, labels, parcels of the cortex
UNUSED_NAMES = re.compile(
    r"""(left|right)?\ ?(vessel|choroid\ plexus|undetermined|hypointensities
        |non\ wm\ hypointensities|wm\ hypointensities|wmh|lesion|unknown|substantia\ nigra)
    |5th\ ventricle|optic\ chiasm|background|unknown|skull|cc\ (posterior|mid\ posterior|central
        |mid\ anterior|anterior)|corpus\ callosum|fornix|wm\ hypointensities
    |ctx\ .*|wm\ [lr]h\ .*
    |total\ intracranial|intracranial|icv|etiv|estimatedtotalintracranialvol
    |brainsegvol.*|supratentorialvol.*|subcortgrayvol|totalgrayvol|maskvol.*|brainsegnotvent.*
    |ventriclechoroidvol|[lr]?h?surfaceholes""",
    re.VERBOSE,
)
# mm3 of both sides in adults, to the order of magnitude: enough to tell mm3 from ml
ADULT_MM3 = {
    "white_matter": 450_000,
    "cortex": 470_000,
    "lateral_ventricle": 20_000,
    "cerebellum_white_matter": 28_000,
    "cerebellum_cortex": 105_000,
    "thalamus": 14_500,
    "caudate": 7_200,
    "putamen": 10_000,
    "pallidum": 3_500,
    "third_ventricle": 1_200,
    "fourth_ventricle": 1_800,
    "brainstem": 21_000,
    "hippocampus": 8_000,
    "amygdala": 3_400,
    "csf": 1_100,
    "accumbens": 1_100,
    "ventral_dc": 8_000,
}
WITHIN = "inferior lateral ventricle"  # what networks that merge the sides have in its ventricle
LABELS = {entry.name: entry.labels for entry in STRUCTURES}
COLUMNS = SYNTHSEG_TABLE | PARCEL_TABLE  # FreeSurfer id -> name in volume tables
SYNTHSEG_LABELS = (0, *SYNTHSEG_TABLE)
SYNTHSEG_NAMES = tuple(SYNTHSEG_TABLE.values())
MERGED = {r: left for s in STRUCTURES for left, r in zip(s.left, s.right, strict=False)}


def plain_name(name: str) -> str:
    """Return a name in lower case, with single blanks for `-`, `_` and blanks."""
    return " ".join(re.split(r"[-_\s]+", name.strip().lower()))


def _known_names() -> dict[str, "frozenset[int]"]:
    known = {plain_name(name): frozenset({label}) for label, name in SYNTHSEG_TABLE.items()}
    for label, names in OTHER_NAMES.items():
        known |= {plain_name(name): frozenset({label}) for name in names}
    known |= {name: frozenset(labels) for name, labels in WHOLE_VENTRICLES.items()}
    whole = {entry.name: frozenset(entry.labels) for entry in STRUCTURES}
    known |= {plain_name(name): whole[key] for name, key in OTHER_WHOLES.items()}
    sided = [name for name in known if name.startswith("left ")]
    for name in sided:  # networks that merge the sides
        other = known.get(name.replace("left ", "right ", 1), frozenset())
        known.setdefault(name.removeprefix("left "), known[name] | other)
    return {plain_name(name): labels for name, labels in whole.items()} | known


NAMED_LABELS = _known_names()
"""Plain name -> the FreeSurfer ids whose volume it is; those of the study's structures too."""


def labels_of(name: str) -> "frozenset[int] | None":
    """Return the FreeSurfer ids whose volume a name stands for.

    Empty for a known measure that no structure is made of, None for a name that is not known. The
    study's `lateral_ventricle` holds the inferior horn, SynthSeg's `lateral ventricle` does not.
    """
    if name in LABELS:
        return frozenset(LABELS[name])
    plain = plain_name(name)
    if plain in NAMED_LABELS:
        return NAMED_LABELS[plain]
    return frozenset() if UNUSED_NAMES.fullmatch(plain) else None


def nearest_name(name: str) -> str:
    """Return `; did you mean '...'?` for a name near a known one, nothing for others."""
    near = get_close_matches(plain_name(name), NAMED_LABELS, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def structure(name: str) -> Structure:
    """Return the structure with this key; raise `StudyError` naming the known ones."""
    for candidate in STRUCTURES + PARCELS:
        if candidate.name == name:
            return candidate
    raise StudyError(f"analyse.structures: {unknown(name)}")


def unknown(name: str) -> str:
    """Return what is wrong about the name of a structure that is none."""
    known = ", ".join(s.name for s in STRUCTURES)
    parcels = f"parcels of the cortex, {PARCELS[0].name} to {PARCELS[-1].name}"
    return f"unknown structure '{name}'; known: {known}, and {parcels}"


def sided_name(label: int) -> str:
    """Return the column of a label of a network that has none for the inferior horns."""
    whole = {labels[0]: name for name, labels in WHOLE_VENTRICLES.items()}
    return whole.get(label, SYNTHSEG_TABLE[label])


def sided_columns(
    labels: tuple[int, ...], available: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return the columns that hold labels of FreeSurfer, and the names of the labels without."""
    whole = [
        name
        for name, held in WHOLE_VENTRICLES.items()
        if name in available and {*held} <= {*labels}
    ]
    held = {label for name in whole for label in WHOLE_VENTRICLES[name]}
    names = [COLUMNS[label] for label in labels if label not in held]
    found = [name for name in names if name in available]
    return [*whole, *found], [name for name in names if name not in found]


def columns(entry: Structure, available: list[str]) -> list[str]:
    """Return the columns of a volume table that add up to a structure; none if it has none.

    SynthSeg's own tables have a column a side; networks that merge the sides write the name without
    `left` or `right`.

    Raises:
        StudyError: if only a part of the structure has columns.
    """
    named, lacking = sided_columns(entry.labels, available)
    sided = [COLUMNS[label] for label in entry.labels]
    merged = sorted({name.removeprefix("left ").removeprefix("right ") for name in sided})
    found = named or [name for name in merged if name in available]
    missing = {*lacking} if named else {*merged} - {*found}
    if not found or not missing or (not named and missing <= {WITHIN}):
        return found
    raise StudyError(
        f"{entry.name}: expected all of its columns, got {', '.join(found)} without"
        f" {', '.join(sorted(missing))}: no volume is a sum of some parts; add the columns"
    )


def structure_volumes(table: "pd.DataFrame") -> "pd.DataFrame":
    """Sum the columns of a SynthSeg volume table into the structures of the study.

    V_k = sum of V_label over the labels of structure k, both hemispheres.

    Args:
        table: one row a subject, index `subject`, columns of SynthSeg's volume table, mm3.

    Returns:
        One row a subject, one column a structure (its key), mm3, then the parcels of the cortex;
        structures without any column are left out.

    Raises:
        StudyError: if only a part of a structure has columns.
    """
    available = list(table.columns)
    groups = {s.name: columns(s, available) for s in STRUCTURES + PARCELS}
    sums = {name: table[parts].sum(axis=1) for name, parts in groups.items() if parts}
    return table[[]].assign(**sums)
