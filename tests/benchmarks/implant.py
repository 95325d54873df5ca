"""Implants against simulated pathological phantoms, and how much of a lesion is recovered.

python -m tests.benchmarks.implant [--heads 2] [--places 3] [--skip volumes doses] [--tiny]

At the size of params.yaml. The first table compares the change of k-space, and of the image where
it exceeds 5 % of white matter, with that of a scan that was simulated with the disease; the second
the change of volumes by the bundled network; the third is the fraction of the contrast of single
lesions that is left in reconstructions, by regression through 0 over the voxels of the lesion.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from stages.anatomy.contrast import complex_image, subject_signals
from stages.anatomy.diseases.catalogue import lesion_mask
from stages.anatomy.participants import IMAGE_STREAM, NOISE_STREAM, Member, anatomy, cohort
from stages.anatomy.view import brain_only, majority
from stages.implantation.contrast_field import contrast_field
from stages.implantation.difference import difference_kspace
from stages.implantation.dose import Dose
from stages.implantation.healthy_scan import HealthyScan, put, read_healthy, with_lesions
from stages.implantation.implanted_truth import coarse_labels
from stages.implantation.tissue_intensities import DARKEST
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.image_files import scan_format
from stages.mask import mask_of
from stages.params.compressed_sensing import CompressedSensingParams
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.phantom import PhantomParams
from stages.recon.compressed_sensing import l1_wavelet
from stages.recon.inference import Reconstruction, reconstruct_slices
from stages.recon.physics import zero_filled
from stages.scanner.acquisition import simulate, write_slices
from stages.scanner.phantoms import WHITE_MATTER, acquisition, contrast, illness
from stages.segmenters.synthseg.weight_files import EMBEDDED, open_segmenter
from stages.statistics.questions.pathology import slope
from stages.storage.nifti import affine, save_volume, smallest_labels
from stages.study.structures import LABELS, labels_of
from tests.benchmarks.tiny import parsed
from tests.fabricated import ROOT
from tests.settings import DEFAULT, write_settings

KINDS = ("lesions", "atrophy", "infarct")
"""A simulated tumour moves tissue, which an implanted one does not."""
SEEN = 0.05
DIAMETERS_MM, CONTRASTS = (4, 6, 8, 12, 16), (0.6, 0.8, 0.9)
STRUCTURES = ("hippocampus", "lateral_ventricle", "cortex", "white_matter")
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Head:
    """A phantom, its scan, and what the scan says of it."""

    member: Member
    labels: np.ndarray
    """FreeSurfer ids of the whole head, 1 mm."""
    scan: HealthyScan
    kspace: np.ndarray

    @property
    def brain(self) -> np.ndarray:
        """What a segmentation knows of the labels."""
        return brain_only(self.labels)


def scanned(member: Member, labels: np.ndarray, params: PhantomParams) -> np.ndarray:
    """Return k-space of a head with the phase and noise of the member."""
    image = complex_image(labels, contrast(params), member.rng(IMAGE_STREAM))
    white = np.isin(labels, WHITE_MATTER)
    return np.stack(list(simulate(image, white, acquisition(params), member.rng(NOISE_STREAM))))


def heads(n_heads: int, params: PhantomParams, folder: Path) -> Iterator[Head]:
    """Yield healthy phantoms, scanned and read again; the folder holds params.yaml."""
    edge = (params.voxel_size_mm,) * 3
    for member in cohort(params.seed, (0, n_heads), []):
        labels, _ = anatomy(member, params.grid, round(params.voxel_size_mm))
        kspace = scanned(member, labels, params)
        path, known = folder / f"{member.name}.h5", folder / f"{member.name}.nii.gz"
        write_slices(path, iter(kspace), params.grid, params.n_coils)
        truth = brain_only(majority(labels, params.grid, round(params.voxel_size_mm)))
        save_volume(known, smallest_labels(truth), affine(params.grid, edge, "SAR"))
        scan = open_scan(path, scan_format(DataParams.load(folder / "params.yaml")))
        yield Head(member, labels, read_healthy(scan, known), kspace)


def implanted(head: Head, ill: np.ndarray, signals: dict[int, float]) -> np.ndarray:
    """Return the change of k-space by an implant of true shape, and where it is seen."""
    changed = np.where(ill != head.labels, ill, head.brain)
    field = contrast_field(head.brain, changed, signals, head.scan.grid)
    found = difference_kspace(head.kspace, field, 0, head.scan.scan.acquired)
    return found, np.abs(field.difference) > SEEN


def compared(found: np.ndarray, expected: np.ndarray, head: Head, seen: np.ndarray) -> list[float]:
    """Return correlation and slope of the changes of k-space, and of the image where it is seen."""
    power, own = np.vdot(expected, expected).real, np.vdot(found, found).real
    product_ = np.vdot(expected, found)
    before = rss_image(head.kspace)
    shown, true = (rss_image(head.kspace + d)[seen] - before[seen] for d in (found, expected))
    return [
        float(np.abs(product_) / np.sqrt(power * own)),
        float(product_.real / power),
        float(np.corrcoef(shown, true)[0, 1]),
        slope(shown, true),
    ]


def true_signals(head: Head, params: PhantomParams) -> dict[int, float]:
    """Return the intensities that a phantom was simulated with."""
    table = subject_signals(contrast(params), head.member.rng(IMAGE_STREAM))
    known = {k: max(float(v / table[2]), DARKEST) for k, v in enumerate(table)}
    return known | {0: head.scan.signals[0]}


def volumes(kspace: np.ndarray, head: Head, folder: Path) -> dict[str, float]:
    """Return the bundled network's volumes (mm3) of the fully sampled image."""
    path = folder / "image.nii.gz"
    save_volume(path, rss_image(kspace).astype(np.float32), head.scan.scan.affine)
    segmenter = open_segmenter(EMBEDDED, "standard", CPU, fast=False)
    result = segmenter.segment(path).volumes_mm3
    held = [labels_of(name) or frozenset() for name in segmenter.model.names]
    return {
        key: sum(v for own, v in zip(held, result, strict=True) if own and own <= {*LABELS[key]})
        for key in STRUCTURES
    }


def comparison(head: Head, params: PhantomParams, folder: Path, *, segment: bool) -> None:
    """Print the rows of the first two tables of a head."""
    before = volumes(head.kspace, head, folder) if segment else {}
    for kind in KINDS:
        member = Member(head.member.split, head.member.number, head.member.seed, None, kind)
        ill = illness(member, head.labels, params.pathology)
        expected = scanned(member, ill, params) - head.kspace
        measured = with_lesions(head.scan.signals, kind, None, params)
        for name, signals in (("measured", measured), ("true", true_signals(head, params))):
            start = time.process_time()
            found, seen = implanted(head, ill, signals)
            took = time.process_time() - start
            numbers = compared(found, expected, head, seen)
            cells = " | ".join(f"{value:.3f}" for value in numbers)
            print(f"| {head.member.name} | {kind} | {name} | {cells} | {took:.1f} |", flush=True)
            if segment and name == "measured":
                changes = [volumes(head.kspace + d, head, folder) for d in (expected, found)]
                for key, value in before.items():
                    told = [f"{100 * (after[key] / value - 1):+.1f} %" for after in changes]
                    print(f"  {key}: simulated {told[0]}, implanted {told[1]}")


def recovered(
    head: Head, dose: Dose, seed: int, params: PhantomParams, ways: dict[str, Reconstruction]
) -> dict[str, float]:
    """Return the fraction of a lesion's contrast that reconstructions show."""
    implant = put(head.scan, "lesions", dose, params, seed)
    coarse = coarse_labels(
        head.scan.labels,
        head.scan.fine.astype(np.int32),
        implant.ill.astype(np.int32),
        head.scan.grid,
    )
    slices = np.flatnonzero(lesion_mask(coarse).any(axis=(1, 2)))
    if not slices.size:
        return dict.fromkeys(ways, np.nan)
    part = slice(int(slices[0]), int(slices[-1]) + 1)
    lesion = lesion_mask(coarse)[part].astype(bool)
    before = head.kspace[part]
    after = before + difference_kspace(before, implant.field, part.start, head.scan.scan.acquired)
    drawn = mask_of(head.scan.scan, MaskParams.load(ROOT / "params.yaml"))
    true = (rss_image(after) - rss_image(before))[lesion]
    found = {}
    for name, way in ways.items():
        images = [
            reconstruct_slices(lesion.shape, [(0, k)], drawn, way, CPU) for k in (after, before)
        ]
        found[name] = slope((images[0] - images[1])[lesion], true)
    return found


def dose_response(
    head: Head, params: PhantomParams, n_places: int, doses: Sequence[tuple[float, float]]
) -> None:
    """Print the rows of the third table of a head: the mean over places."""
    sparse = l1_wavelet(CompressedSensingParams.load(ROOT / "params.yaml"))
    ways = {"zero-filled": zero_filled, "compressed sensing": sparse}
    for diameter, ratio in doses:
        dose = Dose(None, float(diameter), ratio, 1)
        found = [recovered(head, dose, seed, params, ways) for seed in range(n_places)]
        cells = " | ".join(
            f"{np.nanmean([one[name] for one in found]):.2f}"
            f" ({min(one[name] for one in found):.2f} to {max(one[name] for one in found):.2f})"
            for name in ways
        )
        print(f"| {head.member.name} | {diameter} mm | {ratio} | {cells} |", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--places", type=int, default=3)
    parser.add_argument("--skip", nargs="*", choices=("volumes", "doses"), default=())
    options = parsed(parser, arguments, heads=1, places=1, skip=("volumes",))
    with TemporaryDirectory() as folder:
        settings = write_settings("ci" if options.tiny else DEFAULT, Path(folder))
        params = PhantomParams.load(settings)
        found = list(heads(options.heads, params, Path(folder)))
        print("| head | disease | intensities | k-space r | slope | image r | slope | CPU s |")
        print("|---|---|---|---|---|---|---|---|")
        for head in found:
            comparison(head, params, Path(folder), segment="volumes" not in options.skip)
        if "doses" not in options.skip:
            print("| head | diameter | contrast | zero-filled | compressed sensing |")
            print("|---|---|---|---|---|")
            doses = list(product(DIAMETERS_MM, CONTRASTS))[-1 if options.tiny else 0 :]
            for head in found:
                dose_response(head, params, options.places, doses)


if __name__ == "__main__":
    main()
