"""The predicted quality of a segmentation as a surrogate: one image, no reference.

The score of a structure is that of the region that holds it, of the first member's label map.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from stages.measures.members import HALVES, halves_of
from stages.measures.surrogates import ONE_SEGMENTATION
from stages.storage.tables import read_table
from stages.study import layout, schema
from stages.study.errors import StudyError
from stages.study.groups import Group
from stages.study.structures import PARCELS

NAME = "quality_score"
REGIONS = {
    "white_matter": "general white matter",
    "cortex": "general grey matter",
    "lateral_ventricle": "general csf",
    "cerebellum_white_matter": "cerebellum",
    "cerebellum_cortex": "cerebellum",
    "thalamus": "thalamus",
    "putamen": "putamen+pallidum",
    "pallidum": "putamen+pallidum",
    "third_ventricle": "general csf",
    "fourth_ventricle": "general csf",
    "brainstem": "brainstem",
    "hippocampus": "hippocampus+amygdala",
    "amygdala": "hippocampus+amygdala",
    "csf": "general csf",
} | {parcel.name: "general grey matter" for parcel in PARCELS}
"""Structure -> region of SynthSeg's scores; the other structures are in none."""


def score_table(
    group: str, subject: str, members: Sequence[int], structures: Sequence[str]
) -> pd.DataFrame | None:
    """Return the quality scores of one scan as a surrogate of kind B; None without scores.

    Args:
        group: name.
        subject: the scan.
        members: the first of them gives the scores.
        structures: names, in the order of the rows.

    Returns:
        Columns structure, surrogate, kind, value: predicted Dice coefficient, 0 ... 1, NaN of
        structures in no region.

    Raises:
        StudyError: if the table of scores lacks a region, or has not one row of the scan.
    """
    path = layout.quality_scores(group, members[0])
    if not path.exists():
        return None
    table = read_table(path, ["subject", *dict.fromkeys(REGIONS.values())])
    rows = table[table["subject"] == subject]
    if len(rows) != 1:
        raise StudyError(f"{path}: expected one row for {subject}, got {len(rows)}; remake it")
    scores = rows.iloc[0]
    values = [
        float(scores[REGIONS[name]]) if name in REGIONS else float("nan") for name in structures
    ]
    columns = {"structure": list(structures), "surrogate": NAME, "kind": ONE_SEGMENTATION}
    return pd.DataFrame(columns | {"value": values})


def with_scores(
    tables: Mapping[str, pd.DataFrame], group: Group, subject: str
) -> dict[str, pd.DataFrame]:
    """Return the tables of a scan with the quality scores among the surrogates, if there are some.

    A half of the members has the scores of its own first member.

    Args:
        tables: from `scan_tables`, by name.
        group: whose label maps were judged, or were not.
        subject: the scan.
    """
    members = group.of(subject)
    names = list(dict.fromkeys(tables[schema.REGIONS.name]["structure"]))
    whole = score_table(group.name, subject, members, names)
    if whole is None:
        return dict(tables)
    added = {schema.SURROGATES.name: [whole], schema.HALF_SURROGATES.name: []}
    for half, own in zip(HALVES, halves_of(list(members)), strict=True):
        scores = score_table(group.name, subject, own, names) if len(own) > 1 else None
        if scores is not None:
            added[schema.HALF_SURROGATES.name].append(scores.assign(half=half))
    joined = {
        name: pd.concat([tables[name], *rows], ignore_index=True) if rows else tables[name]
        for name, rows in added.items()
    }
    return {**tables, **joined}
