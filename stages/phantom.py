"""Simulate the cohort: 12-coil scans of digital heads, with the truth beside them.

`python -m stages.phantom`: writes work/phantom/{train,validation}/*.h5 and work/phantom/truth.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages import layout
from stages.anatomy.cohort import IMAGE_STREAM, NOISE_STREAM, SPLITS, Member, anatomy, cohort
from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.label_maps import list_maps
from stages.anatomy.view import brain_only, majority, true_volumes
from stages.bids import describe_dataset, write_label_table
from stages.errors import door
from stages.files import atomic_directory
from stages.images import affine, save_volume, smallest_labels, subject
from stages.kspace.simulate import Acquisition, simulate, write_slices
from stages.params.compute import ComputeParams
from stages.params.phantom import PhantomParams
from stages.progress import progress
from stages.structures import SYNTHSEG_TABLE

AXIS_CODES = "SAR"  # simulated scans increase towards superior, anterior and right
WHITE_MATTER = (2, 41)
ABOUT = "FreeSurfer labels of the digital head that a scan simulates, by majority in each voxel."


def acquisition(params: PhantomParams) -> Acquisition:
    """Return how the heads are scanned."""
    return Acquisition(
        grid=params.grid,
        factor=round(params.voxel_size_mm),
        n_coils=params.n_coils,
        snr=params.snr,
        partial_fourier=params.partial_fourier,
    )


def contrast(params: PhantomParams) -> Contrast:
    """Return what the signal depends on."""
    return Contrast(
        inversion_ms=params.inversion_ms,
        repetition_ms=params.repetition_ms,
        t1_spread=params.t1_spread,
        texture=params.texture,
        bias_field=params.bias_field,
    )


def scan_member(member: Member, params: PhantomParams, folder: Path) -> dict[str, object]:
    """Write scan and true labels of one member below `folder`; return its rows of the tables."""
    scanner = acquisition(params)
    labels, age = anatomy(member, scanner.grid, scanner.factor)
    image = complex_image(labels, contrast(params), member.rng(IMAGE_STREAM))
    slices = simulate(image, np.isin(labels, WHITE_MATTER), scanner, member.rng(NOISE_STREAM))
    path = folder / member.split / f"{member.name}.h5"
    write_slices(path, slices, scanner.grid, scanner.n_coils)
    truth = brain_only(majority(labels, scanner.grid, scanner.factor))
    matrix = affine(scanner.grid, (params.voxel_size_mm,) * 3, AXIS_CODES)
    target = layout.true_labels(subject(path), folder / "truth")
    save_volume(target, smallest_labels(truth), matrix)
    source = "procedural" if member.label_map is None else member.label_map.name
    row = {"age": age, "seed": member.seed, "split": member.split, "source": source}
    return {"subject": subject(path), "about": row, "volumes": true_volumes(labels)}


def scan_all(
    members: list[Member], params: PhantomParams, folder: Path, n_processes: int
) -> list[dict[str, object]]:
    """Scan all members, some at a time; the results do not depend on how many."""
    work = partial(scan_member, params=params, folder=folder)
    if min(n_processes, len(members)) == 1:
        return [work(m) for m in progress(members, desc="phantom", unit="head")]
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, mp_context=start) as pool:
        futures = [pool.submit(work, member) for member in members]
        try:
            for future in progress(
                as_completed(futures), desc="phantom", total=len(futures), unit="head"
            ):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return [future.result() for future in futures]


def write_tables(rows: list[dict[str, object]], folder: Path) -> None:
    """Write true volumes (mm3) and who the subjects are."""
    for name, key in (("volumes", "volumes"), ("subjects", "about")):
        table = pd.DataFrame([{"subject": row["subject"], **row[key]} for row in rows])
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


def describe_truth(folder: Path) -> None:
    """Make the folder of the truth a BIDS derivative of the scans beside it."""
    truth = folder / "truth"
    sources = {name: folder / name for name in SPLITS}
    describe_dataset(truth, name="True labels", about=ABOUT, sources=sources, ignored=["*.csv"])
    write_label_table(truth, {0: "background", **SYNTHSEG_TABLE}, ABOUT)


@door
def main() -> None:
    """Write the whole cohort; nothing stands under the final name before all of it is done."""
    params, compute = PhantomParams.load(), ComputeParams.load()
    maps = [] if params.label_maps is None else list_maps(Path(params.label_maps))
    members = cohort(params.seed, (params.n_train, params.n_validation), maps)
    with atomic_directory(layout.PHANTOM) as folder:
        for name in (*SPLITS, "truth"):
            (folder / name).mkdir()
        rows = scan_all(members, params, folder, compute.workers)
        describe_truth(folder)
        write_tables(rows, folder / "truth")


if __name__ == "__main__":
    main()
