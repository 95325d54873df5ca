"""Volumes of the left and right part of each structure, where a segmenter keeps them apart."""

import pandas as pd

from stages.storage.tables import read_table
from stages.study import layout
from stages.study.groups import Group
from stages.study.schema import SIDES
from stages.study.structures import PARCELS, STRUCTURES, sided_columns


def side_volumes(group: Group, subjects: list[str]) -> pd.DataFrame | None:
    """Return the table `SIDES` of a group; None where left and right are merged.

    Args:
        group: whose members' volume tables were read before, as `member_volumes` does.
        subjects: scans, in the order of the table.

    Raises:
        StudyError: if a table is missing.
    """
    parts = []
    for member in group.members:
        table = read_table(layout.volumes(group.name, member), ["subject"])
        scans = group.scans(member, subjects)
        table = table.set_index("subject").loc[scans]
        for entry in STRUCTURES + PARCELS:
            sides = [_columns(labels, table) for labels in (entry.left, entry.right)]
            if not all(sides):
                continue
            left, right = (table[side].astype("float64").sum(axis=1) for side in sides)
            both = {"left_mm3": left.to_numpy(), "right_mm3": right.to_numpy()}
            place = {"group": group.name, "member": member, "subject": scans}
            parts.append(pd.DataFrame(place | {"structure": entry.name} | both))
    return pd.concat(parts, ignore_index=True)[SIDES.columns] if parts else None


def _columns(labels: tuple[int, ...], table: pd.DataFrame) -> list[str]:
    """Return the columns of one side; none if a part is missing."""
    found, missing = sided_columns(labels, table.columns)
    return [] if missing else found
