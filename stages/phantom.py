"""Simulate the cohort: 12-coil scans of digital heads, with the truth beside them.

`python -m stages.phantom`: writes work/phantom/{train,validation}/*.h5 and work/phantom/truth.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.diseases.diffuse import (
    Atrophy,
    LesionPlan,
    lesion_mask,
    with_atrophy,
    with_lesions,
    without_lesions,
)
from stages.anatomy.diseases.focal import Infarct, Tumour, with_infarct, with_tumour
from stages.anatomy.diseases.lesion_labels import (
    CORE,
    CORTEX_SCAR,
    LESIONS,
    OEDEMA,
    RIM,
    WHITE_SCAR,
)
from stages.anatomy.label_maps import list_maps
from stages.anatomy.participants import (
    IMAGE_STREAM,
    NOISE_STREAM,
    PATHOLOGY_STREAM,
    SPLITS,
    Member,
    anatomy,
    cohort,
    with_twins,
)
from stages.anatomy.tissue import Tissue
from stages.anatomy.view import brain_only, majority, true_volumes
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.phantom import PathologyParams, PhantomParams
from stages.scanner.acquisition import Acquisition, simulate, write_slices
from stages.storage.bids import describe_dataset, write_label_table
from stages.storage.files import atomic_directory
from stages.storage.nifti import affine, save_volume, smallest_labels, subject
from stages.study import layout
from stages.study.pairs import FOCAL, HEALTHY, matched_healthy
from stages.study.structures import SYNTHSEG_TABLE

AXIS_CODES = "SAR"  # simulated scans increase towards superior, anterior and right
WHITE_MATTER = (2, 41)
ASSUMED = "assumed"  # the source of the tissues of lesions
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
    pathology = params.pathology
    lesions, infarct, tumour = pathology.lesions, pathology.infarct, pathology.tumour
    tissues = {
        tuple(LESIONS): lesions,
        (*WHITE_SCAR, *CORTEX_SCAR): infarct.rim,
        (CORE,): tumour.core,
        (RIM,): tumour.rim,
        OEDEMA: tumour.oedema,
    }
    return Contrast(
        inversion_ms=params.inversion_ms,
        repetition_ms=params.repetition_ms,
        t1_spread=params.t1_spread,
        texture=params.texture,
        bias_field=params.bias_field,
        lesions={
            label: Tissue(tissue.t1_ms, tissue.proton_density, ASSUMED)
            for labels, tissue in tissues.items()
            for label in labels
        },
    )


def illness(member: Member, labels: np.ndarray, params: PathologyParams) -> np.ndarray:
    """Return the labels of a member with its pathology; those of a healthy one as they are."""
    rng = member.rng(PATHOLOGY_STREAM)
    match member.kind:
        case "atrophy":
            return with_atrophy(labels, Atrophy(**params.atrophy.model_dump()))
        case "lesions":
            plan = params.lesions.model_dump(exclude={"t1_ms", "proton_density"})
            return with_lesions(labels, LesionPlan(**plan), rng)
        case "infarct":
            plan = params.infarct.model_dump(exclude={"rim"})
            return with_infarct(labels, Infarct(**plan), rng)
        case "tumour":
            plan = params.tumour.model_dump(exclude={"core", "rim", "oedema"})
            return with_tumour(labels, Tumour(**plan), rng)
    return labels


def scan_member(member: Member, params: PhantomParams, folder: Path) -> dict[str, object]:
    """Write scan and true labels of one member below `folder`; return its rows of the tables."""
    scanner = acquisition(params)
    healthy, age = anatomy(member, scanner.grid, scanner.factor)
    labels = illness(member, healthy, params.pathology)
    image = complex_image(labels, contrast(params), member.rng(IMAGE_STREAM))
    slices = simulate(image, np.isin(labels, WHITE_MATTER), scanner, member.rng(NOISE_STREAM))
    path = folder / member.split / f"{member.name}.h5"
    write_slices(path, slices, scanner.grid, scanner.n_coils)
    write_truth(member, labels, healthy, params, folder / "truth")
    source = "procedural" if member.label_map is None else member.label_map.name
    row = {"age": age, "seed": member.seed, "split": member.split, "source": source}
    ill = int(lesion_mask(labels).sum())
    lesions = {"volume_mm3": ill} if ill else None
    if params.n_twins:
        row |= {"pathology": member.kind, "healthy_twin": matched_healthy(subject(path))}
    volumes = true_volumes(without_lesions(labels))
    return {"subject": subject(path), "about": row, "volumes": volumes, "lesions": lesions}


def write_truth(
    member: Member, labels: np.ndarray, healthy: np.ndarray, params: PhantomParams, folder: Path
) -> None:
    """Write the true labels of a member, and where its pathology lies.

    In the label map lesions are what volumes count them as, `lesion_labels`. A focal pathology lies
    in its lesion, also if it moves tissue elsewhere; others where they changed those of `healthy`.
    """
    coarse = partial(majority, grid=params.grid, factor=round(params.voxel_size_mm))
    matrix = affine(params.grid, (params.voxel_size_mm,) * 3, AXIS_CODES)
    truth = brain_only(coarse(without_lesions(labels)))
    name = subject(member.name)
    save_volume(layout.true_labels(name, folder), smallest_labels(truth), matrix)
    if member.kind != HEALTHY:
        ill = coarse(labels)
        focal = member.kind in FOCAL
        changed = lesion_mask(ill) if focal else (ill != coarse(healthy)).astype(np.uint8)
        save_volume(layout.affected(name, member.kind, folder), changed, matrix)


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
    """Write true volumes (mm3), who the subjects are, and the load of lesions if there is one."""
    for name, key in (("volumes", "volumes"), ("subjects", "about"), ("lesions", "lesions")):
        known = [{"subject": row["subject"], **row[key]} for row in rows if row[key] is not None]
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


@entry_point
def main() -> None:
    """Write the whole cohort; nothing stands under the final name before all of it is done."""
    params, compute = PhantomParams.load(), ComputeParams.load()
    maps = [] if params.label_maps is None else list_maps(Path(params.label_maps))
    members = cohort(params.seed, (params.n_train, params.n_validation), maps)
    members = with_twins(members, params.pathology.heads, params.pathology.kinds)
    with atomic_directory(layout.PHANTOM) as folder:
        for name in (*SPLITS, "truth"):
            (folder / name).mkdir()
        rows = scan_all(members, params, folder, compute.workers)
        describe_truth(folder)
        write_tables(rows, folder / "truth")


if __name__ == "__main__":
    main()
