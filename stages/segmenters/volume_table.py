"""The volume table, in SynthSeg's own format."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from stages.storage.files import atomic_path

DECIMALS = 3  # of a volume in mm3, as SynthSeg writes them
TOTAL = "total intracranial"


def write_table(path: Path, names: Sequence[str], rows: Iterable[tuple[str, np.ndarray]]) -> None:
    """Write `subject,total intracranial,<names>`: mm3, three decimals; total = sum of the others.

    Args:
        path: file to write.
        names: of the structures.
        rows: subject and volumes in mm3, one for each name.
    """
    with atomic_path(path) as temporary, open(temporary, "w", newline="") as stream:
        writer = csv.writer(stream)  # lines end as in SynthSeg's own table, in \r\n
        writer.writerow(["subject", TOTAL, *names])
        for subject, volumes in rows:
            values = np.round([volumes.sum(), *volumes], DECIMALS)
            writer.writerow([subject, *(repr(float(value)) for value in values)])
