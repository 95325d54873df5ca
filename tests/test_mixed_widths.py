"""A cohort of three widths, like the challenge's, through the stages from scans to tables."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from nibabel.orientations import aff2axcodes

from stages import image_quality, inspect, measure
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.sampling import load_mask
from stages.storage.files import read_json
from stages.storage.nifti import affine, load_volume, save_volume
from stages.study import layout
from tests import fabricated
from tests.scans import (
    ARCHITECTURES,
    N_COILS,
    PARTIAL_FOURIER,
    fabricate_scan,
    run,
    write_toy_params,
)
from tests.tolerances import assert_rounded, fft_operations

WIDTHS = {20: 17, 22: 19, 24: 21}  # columns: acquired ones
FORMAT = ScanFormat(N_COILS, PARTIAL_FOURIER)
VOXEL_MM = (2.0, 2.5, 3.0)


def grid(n_kz: int) -> tuple[int, int, int]:
    return (10, 24, n_kz)


def scan_of(n_kz: int) -> Path:
    return Path(f"data/validation/e2s{n_kz}_P0.7.h5")


def subject_of(n_kz: int) -> str:
    return f"sub-e2s{n_kz}P07"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of mixed widths: inspected, masks drawn, reference and noise images."""
    root, n_threads = tmp_path_factory.mktemp("study"), torch.get_num_threads()
    for k, n_kz in enumerate(WIDTHS):
        fabricate_scan(root / f"data/train/e1s{n_kz}_P0.7.h5", grid=grid(n_kz), seed=k)
        fabricate_scan(root / scan_of(n_kz), grid=grid(n_kz), seed=10 + k)
    # a batch of one width a step, drawn at random: three steps see more than one
    steps = {
        f"train.{name}.{key}": value
        for name in ARCHITECTURES
        for key, value in (("steps", 3), ("batch_size", 4), ("snapshot_interval", 3))
    }
    write_toy_params(root, **steps, **{"data.voxel_size_mm": list(VOXEL_MM)})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        inspect.main()
        run("mask")
        run("reference")
        write_labels()
        for seed in (0, 1):
            run("noise", seed)
        yield root
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(False)


def test_every_scan_has_the_mask_of_its_own_matrix(cohort: Path) -> None:
    for n_kz, n_acquired in WIDTHS.items():
        drawn = load_mask(layout.mask(subject_of(n_kz)))
        assert drawn.mask.shape == (24, n_kz)
        assert not drawn.mask[:, n_acquired:].any()
        assert drawn.acceleration_acquired == pytest.approx(3, rel=0.02)


def test_reference_and_noise(cohort: Path) -> None:
    for n_kz, n_acquired in WIDTHS.items():
        clean = rss_image(open_scan(scan_of(n_kz), FORMAT).read())
        image, matrix = load_volume(layout.image("reference", 0, subject_of(n_kz)))
        assert_rounded(image, clean, fft_operations(*clean.shape[1:]) + 2 * N_COILS)
        expected = affine(grid(n_kz), VOXEL_MM, "SAR")
        np.testing.assert_array_equal(matrix, expected)  # halves, exact in a header's float32
        # the middle voxel of each width lies at the origin of the world
        np.testing.assert_array_equal(matrix @ [5, 12, n_kz // 2, 1], [0, 0, 0, 1])
        assert aff2axcodes(matrix) == ("S", "A", "R")
        noisy, _ = load_volume(layout.image("noise", 0, subject_of(n_kz)))
        assert noisy.shape == grid(n_kz)
        sidecar = read_json(layout.sidecar(layout.image("noise", 0, subject_of(n_kz))))
        assert sidecar["NoiseAcquiredFraction"] == pytest.approx(n_acquired / n_kz)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_train_reconstruct_and_measure(cohort: Path, architecture: str) -> None:
    for seed in (0, 1):
        run("train", architecture, seed)
        run("select", architecture, seed)
        run("reconstruct", architecture, seed)
    curves = pd.read_csv(layout.model(architecture, 0) / "curves.csv")
    assert np.isfinite(curves["loss"]).all()
    assert np.isfinite(curves["validation_psnr"].iloc[-1])
    for n_kz in WIDTHS:
        image, _ = load_volume(layout.image(architecture, 0, subject_of(n_kz)))
        assert image.shape == grid(n_kz)
        assert np.isfinite(image).all()
    for group in (architecture, "noise"):
        write_labels(group, (0, 1))
        measure.main([group])
    volumes = pd.read_csv(layout.measures(architecture) / "volumes.csv")
    assert set(volumes["subject"]) == set(map(subject_of, WIDTHS))
    image_quality.main([architecture])
    quality = pd.read_csv(layout.quality(architecture) / "quality.csv")
    assert np.isfinite(quality[["psnr", "ssim"]]).all(axis=None)
    assert len(quality) == len(WIDTHS) * 2 * 5  # members; two ranges, two sets of slices; cropped


def test_zero_filling(cohort: Path) -> None:
    run("reconstruct", "zero_filled", 0)
    for n_kz in WIDTHS:
        masked = (
            open_scan(scan_of(n_kz), FORMAT).read() * load_mask(layout.mask(subject_of(n_kz))).mask
        )
        image, _ = load_volume(layout.image("zero_filled", 0, subject_of(n_kz)))
        expected = rss_image(masked)
        assert_rounded(image, expected, fft_operations(*expected.shape[1:]) + 2 * N_COILS)


def write_labels(group: str = "reference", members: tuple[int, ...] = (0,)) -> None:
    """Write segmentations and volumes of a member on the grids of the scans."""
    for member in members:
        generator, rows = np.random.default_rng(member), []
        for n_kz in WIDTHS:
            labels = fabricated.toy_labels(generator, grid(n_kz))
            path = layout.segmentation(group, member, subject_of(n_kz))
            save_volume(path, labels, affine(grid(n_kz), VOXEL_MM, "SAR"))
            rows.append({"subject": subject_of(n_kz), **fabricated.volume_row(labels)})
        fabricated.write_csv(layout.segmentations(group, member) / "volumes.csv", rows)
