"""Inspect every scan of both folders before anything is computed from them.

python -m stages.inspect
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from stages.kspace.formats.catalogue import find_scans, left_out
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.image_files import scan_format
from stages.kspace.inspection import Inspected, cohort_faults, inspect, row_of, split_warnings
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.storage.tables import write_tables
from stages.study import layout
from stages.study.errors import StudyError


def listed(data: DataParams) -> tuple[dict[Path, tuple[str, ...]], list[str]]:
    """Return the splits of every scan that is there, and a line for each that is not."""
    splits: dict[Path, tuple[str, ...]] = {}
    faults: list[str] = []
    for split, (folder, files) in data.parts.items():
        paths, missing = find_scans(folder, files, data.format)
        faults += missing
        for path in paths:
            before = splits.get(path, ())
            # most monitor scans are validation scans, and that is no fault
            if split != layout.MONITOR or layout.VALIDATION not in before:
                splits[path] = (*before, split)
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


def matrices(scans: pd.DataFrame) -> pd.DataFrame:
    """Return how many scans of each split have each matrix."""
    return scans.groupby(["split", "n_slices", "n_ky", "n_kz"]).size().reset_index(name="n_scans")


@entry_point
def main() -> None:
    """Write `work/inspection/{scans,matrices}.csv`, or print a line for each fault and fail."""
    data, compute = DataParams.load(), ComputeParams.load()
    splits, faults = listed(data)
    found = inspect_all(splits, scan_format(data), compute.workers)
    faults += [line for one in found for line in one.faults] + cohort_faults(found)
    warnings = [line for part in data.parts.values() for line in left_out(*part, data.format)]
    warnings = list(dict.fromkeys(warnings)) + [line for one in found for line in one.warnings]
    for line in warnings + split_warnings(found):
        print(f"warning: {line}", file=sys.stderr)
    for line in faults:
        print(f"fault: {line}", file=sys.stderr)
    if faults:
        raise StudyError(
            f"{layout.DATA}: expected scans without fault, got {len(faults)} in {len(found)} scans"
            " (above); correct or leave out what is named"
        )
    scans = pd.DataFrame([row_of(one) for one in found])
    tables = {"scans": scans, "matrices": matrices(scans)}
    write_tables(layout.INSPECTION, tables)
    for row in tables["matrices"].itertuples():
        print(f"{row.split}, {row.n_slices} x {row.n_ky} x {row.n_kz}: {row.n_scans}")


if __name__ == "__main__":
    main()
