"""Simulate the cohort: multi-channel scans of digital phantoms, with their true labels and volumes.

`python -m stages.phantom`: writes work/phantom/{train,validation}/*.h5 and work/phantom/truth.
"""

from pathlib import Path

import pandas as pd

from stages.anatomy.participants import SPLITS
from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.phantom import PhantomParams
from stages.scanner.magnitude_images import list_heads, scan_heads
from stages.scanner.phantoms import cohort_members, scan_all
from stages.storage.bids import describe_dataset, write_label_table
from stages.storage.files import atomic_directory
from stages.study import layout
from stages.study.structures import SYNTHSEG_TABLE

ABOUT = "FreeSurfer labels of the digital phantom of a scan, by majority in each voxel."


def write_tables(rows: list[dict[str, object]], folder: Path) -> None:
    """Write true volumes (mm3), who the subjects are, and the load of lesions if there is one."""
    for name, key in (("volumes", "volumes"), ("subjects", "about"), ("lesions", "lesions")):
        known = [{"subject": row["subject"], **row[key]} for row in rows if row[key] is not None]  # type: ignore[dict-item]  # of mappings
        if not known:
            continue
        table = pd.DataFrame(known)
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


def describe_truth(folder: Path) -> None:
    """Make the folder of the truth a BIDS derivative of the scans beside it."""
    truth = folder / "truth"
    sources = {name: folder / name for name in SPLITS}
    describe_dataset(truth, name="True labels", about=ABOUT, sources=sources, ignored=["*.csv"])
    write_label_table(truth, {0: "background", **SYNTHSEG_TABLE}, ABOUT)


def from_images(params: PhantomParams, n_processes: int) -> None:
    """Write a cohort that is simulated from magnitude images, and which images these are."""
    heads = list_heads(params)
    with atomic_directory(layout.PHANTOM) as folder:
        for name in (*SPLITS, "truth"):
            (folder / name).mkdir()
        rows = scan_heads(heads, params, folder, n_processes)
        table = folder / layout.MAGNITUDE_IMAGES.relative_to(layout.DATA)
        pd.DataFrame(rows).to_csv(table, index=False, lineterminator="\n")


@entry_point
def main() -> None:
    """Write the whole cohort; nothing stands under the final name before all of it is done."""
    params, compute = PhantomParams.load(), ComputeParams.load()
    if params.images is not None:
        from_images(params, compute.workers)
        return
    with atomic_directory(layout.PHANTOM) as folder:
        for name in (*SPLITS, "truth"):
            (folder / name).mkdir()
        rows = scan_all(cohort_members(params), params, folder, compute.workers)
        describe_truth(folder)
        write_tables(rows, folder / "truth")


if __name__ == "__main__":
    main()
