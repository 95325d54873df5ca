"""Volumes from elsewhere as the tidy table of a group."""

import pandas as pd

from stages.external.listing import volume_rows
from stages.external.membership import Key, places, table
from stages.params.external import ExternalParams
from stages.study.groups import FULLY_SAMPLED, KINDS
from stages.study.schema import VOLUMES

TARGETS = {name for kind in KINDS if kind.target for name in kind.names}


def group_volumes(name: str, params: ExternalParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the volumes and the members of a group.

    Returns:
        Tables `schema.VOLUMES` and `schema.MEMBERS`, sorted by member and scan.

    Raises:
        StudyError: as `volume_rows` and `places`.
    """
    rows = volume_rows(params.source)
    keys = [Key(row.subject, row.member, row.session) for row in rows]
    found = places(name, keys, several=name not in TARGETS)
    order = sorted(range(len(rows)), key=lambda k: (found[k].member, found[k].scan))
    tidy = [
        (name, found[k].member, found[k].scan, structure, volume)
        for k in order
        for structure, volume in rows[k].volumes.items()
    ]
    members = table([keys[k] for k in order], [found[k] for k in order])
    return pd.DataFrame(tidy, columns=VOLUMES.columns), members


def missing_scans(name: str, members: pd.DataFrame, reference: pd.DataFrame) -> str | None:
    """Return what is wrong where a group and the reference are not of the same scans, in a line.

    Args:
        name: of the group.
        members, reference: `schema.MEMBERS` of both.
    """
    own, known = ({*part["subject"]} for part in (members, reference))
    for scans, where in ((known - own, name), (own - known, FULLY_SAMPLED.name)):
        if scans:
            some = ", ".join(sorted(scans)[:3]) + (", ..." if len(scans) > 3 else "")
            return (
                f"{where}: expected the same scans in {name} and {FULLY_SAMPLED.name}, got none of"
                f" {some} here; add them, or take them out of the other"
            )
    return None
