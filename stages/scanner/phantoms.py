"""Scans of digital phantoms with the truth beside them, some at a time."""

from concurrent.futures import as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from stages.anatomy.contrast import Contrast, complex_image
from stages.anatomy.diseases.catalogue import DISEASES, FLUIDS, lesion_mask, without_lesions
from stages.anatomy.label_maps import list_maps
from stages.anatomy.participants import (
    IMAGE_STREAM,
    NOISE_STREAM,
    PATHOLOGY_STREAM,
    Member,
    anatomy,
    cohort,
    with_twins,
)
from stages.anatomy.tissue import Tissue
from stages.anatomy.view import brain_only, majority, true_volumes
from stages.machine.processes import process_pool
from stages.machine.progress import progress
from stages.params.phantom import PathologyParams, PhantomParams
from stages.scanner.acquisition import Acquisition, simulate, write_slices
from stages.storage.nifti import affine, save_volume, smallest_labels, subject
from stages.study import layout
from stages.study.pairs import HEALTHY, matched_healthy

AXIS_CODES = "SAR"  # simulated scans increase towards superior, anterior and right
WHITE_MATTER = (2, 41)
ASSUMED = "assumed"  # the source of the tissues of lesions


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
    lesions = {
        label: Tissue(tissue.t1_ms, tissue.proton_density, ASSUMED)
        for disease in DISEASES.values()
        for label, tissue in disease.tissues(params.pathology).items()
    }
    return Contrast(
        inversion_ms=params.inversion_ms,
        repetition_ms=params.repetition_ms,
        t1_spread=params.t1_spread,
        texture=params.texture,
        bias_field=params.bias_field,
        lesions=lesions,
        fluids=FLUIDS,
    )


def illness(member: Member, labels: np.ndarray, params: PathologyParams) -> np.ndarray:
    """Return the labels of a member with its pathology; those of a healthy one as they are."""
    if member.kind == HEALTHY:
        return labels
    return DISEASES[member.kind].apply(labels, params, member.rng(PATHOLOGY_STREAM))


@dataclass(frozen=True, eq=False)
class Phantom:
    """What lies in the scanner: labels and image of a member, (n_slices, n_ky, n_kz) of 1 mm."""

    healthy: np.ndarray
    """Labels without the pathology."""
    labels: np.ndarray
    image: np.ndarray
    """Complex64."""
    age: float | None
    """Years, if known."""

    @property
    def white_matter(self) -> np.ndarray:
        """Where the signal-to-noise ratio is defined."""
        return np.isin(self.labels, WHITE_MATTER)


def cohort_members(params: PhantomParams) -> list[Member]:
    """Return all members, those of training first, pathological ones behind their heads."""
    maps = [] if params.label_maps is None else list_maps(Path(params.label_maps))
    found = cohort(params.seed, (params.n_train, params.n_validation), maps)
    return with_twins(found, params.pathology.heads, params.pathology.kinds)


def phantom(member: Member, params: PhantomParams) -> Phantom:
    """Return what lies in the scanner; the same whenever it is called."""
    scanner = acquisition(params)
    healthy, age = anatomy(member, scanner.grid, scanner.factor)
    labels = illness(member, healthy, params.pathology)
    image = complex_image(labels, contrast(params), member.rng(IMAGE_STREAM))
    return Phantom(healthy, labels, image, age)


def scan_member(member: Member, params: PhantomParams, folder: Path) -> dict[str, object]:
    """Write scan and true labels of one member below `folder`; return its rows of the tables."""
    scanner, found = acquisition(params), phantom(member, params)
    healthy, labels, age = found.healthy, found.labels, found.age
    slices = simulate(found.image, found.white_matter, scanner, member.rng(NOISE_STREAM))
    path = folder / member.split / f"{member.name}.h5"
    write_slices(path, slices, scanner.grid, scanner.n_coils)
    write_truth(member, labels, healthy, params, folder / "truth")
    source = "procedural" if member.label_map is None else member.label_map.name
    row = {"age": age, "seed": member.seed, "split": member.split, "source": source}
    ill = int(lesion_mask(labels).sum())
    lesions = {"volume_mm3": ill} if ill else None
    if params.n_pathological:
        row |= {"pathology": member.kind, "healthy_twin": matched_healthy(subject(path))}
    volumes = true_volumes(without_lesions(labels))
    return {"subject": subject(path), "about": row, "volumes": volumes, "lesions": lesions}


def write_truth(
    member: Member, labels: np.ndarray, healthy: np.ndarray, params: PhantomParams, folder: Path
) -> None:
    """Write the true labels of a member, and where its pathology lies.

    In the label map lesions are what volumes count them as, `Disease.counted_as`. A focal
    pathology lies in its lesion, also if it moves tissue elsewhere; others where they changed the
    labels of `healthy`.
    """
    coarse = partial(majority, grid=params.grid, factor=round(params.voxel_size_mm))
    matrix = affine(params.grid, (params.voxel_size_mm,) * 3, AXIS_CODES)
    truth = brain_only(coarse(without_lesions(labels)))
    name = subject(member.name)
    save_volume(layout.true_labels(name, folder), smallest_labels(truth), matrix)
    if member.kind != HEALTHY:
        ill = coarse(labels)
        focal = DISEASES[member.kind].focal
        changed = lesion_mask(ill) if focal else (ill != coarse(healthy)).astype(np.uint8)
        save_volume(layout.affected(name, member.kind, folder), changed, matrix)


def scan_all(
    members: list[Member], params: PhantomParams, folder: Path, n_processes: int
) -> list[dict[str, object]]:
    """Scan all members, some at a time; the results do not depend on how many."""
    work = partial(scan_member, params=params, folder=folder)
    if min(n_processes, len(members)) == 1:
        return [work(m) for m in progress(members, desc="phantom", unit="head")]
    with process_pool(n_processes) as pool:
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
