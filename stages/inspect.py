"""Inspect every scan of both folders before anything is computed from them.

python -m stages.inspect
"""

import csv
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stages.kspace.formats.catalogue import find_scans, left_out
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.image_files import scan_format
from stages.kspace.inspection import (
    Inspected,
    cohort_faults,
    inspect,
    matrices,
    row_of,
    split_warnings,
)
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.storage.files import atomic_directory
from stages.study import layout
from stages.study.errors import StudyError


def parts(data: DataParams) -> dict[str, tuple[Path, tuple[str, ...] | None]]:
    """Return the folder of each split and the list of its files."""
    return {
        "train": (layout.DATA / data.train, data.train_files),
        "validation": (layout.DATA / data.validation, data.validation_files),
    }


def listed(data: DataParams) -> tuple[dict[Path, tuple[str, ...]], list[str]]:
    """Return the splits of every scan that is there, and a line for each that is not."""
    splits: dict[Path, tuple[str, ...]] = {}
    faults: list[str] = []
    for split, (folder, files) in parts(data).items():
        paths, missing = find_scans(folder, files)
        faults += missing
        splits |= {path: (*splits.get(path, ()), split) for path in paths}
    return splits, list(dict.fromkeys(faults))


def inspect_all(
    splits: dict[Path, tuple[str, ...]], file_format: ScanFormat, n_workers: int
) -> list[Inspected]:
    """Inspect the scans, some at a time, in the order in which they come."""
    with ThreadPoolExecutor(n_workers) as pool:
        futures = [pool.submit(inspect, path, of, file_format) for path, of in splits.items()]
        try:
            return [f.result() for f in progress(futures, desc="inspect", unit="scan")]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    """Write rows of equal columns as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


@entry_point
def main() -> None:
    """Write `work/inspection/{scans,matrices}.csv`, or print a line for each fault and fail."""
    data, compute = DataParams.load(), ComputeParams.load()
    splits, faults = listed(data)
    found = inspect_all(splits, scan_format(data), compute.workers)
    faults += [line for one in found for line in one.faults] + cohort_faults(found)
    warnings = [line for folder, files in parts(data).values() for line in left_out(folder, files)]
    warnings += [line for one in found for line in one.warnings]
    for line in warnings + split_warnings(found):
        print(f"warning: {line}", file=sys.stderr)
    for line in faults:
        print(f"fault: {line}", file=sys.stderr)
    if faults:
        raise StudyError(
            f"{layout.DATA}: expected scans without fault, got {len(faults)} in {len(found)} scans"
            " (above); mend or leave out what is named"
        )
    rows = [row_of(one) for one in found]
    with atomic_directory(layout.INSPECTION) as folder:
        write_table(folder / "scans.csv", rows)
        write_table(folder / "matrices.csv", matrices(rows))
    for row in matrices(rows):
        print("{split}, {n_slices} x {n_ky} x {n_kz}: {n_scans}".format(**row))


if __name__ == "__main__":
    main()
