"""PSNR and SSIM."""

import numpy as np
import pytest
import torch
from direct.functionals import calgary_campinas_psnr, calgary_campinas_ssim
from skimage.metrics import structural_similarity

from stages.recon.quality import challenge_quality, fixed_quality, inner_slices, quality
from stages.study.errors import StudyError
from tests.scans import toy_head

BRAIN = np.array([False, False, True, True, True, False])


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    truth = toy_head() * np.linspace(0.5, 1, 6, dtype=np.float32)[:, None, None]
    noise = np.random.default_rng(0).normal(scale=0.02, size=truth.shape)
    return truth, np.abs(truth + noise).astype(np.float32)


def rows(truth: np.ndarray, image: np.ndarray, brain: np.ndarray = BRAIN) -> dict:
    return {(row.range, row.slices): row for row in quality(truth, image, brain)}


def test_challenge_scores_are_directs(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, image = (torch.from_numpy(volume.astype(float))[:, None] for volume in pair)
    psnr, ssim = challenge_quality(*pair)
    assert psnr == float(calgary_campinas_psnr(truth, image))
    assert ssim == float(calgary_campinas_ssim(truth, image))


def test_fixed_scores_by_hand(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, image = (volume.astype(float) for volume in pair)
    peak = truth.max()
    errors = ((truth - image) ** 2).mean(axis=(1, 2))
    psnr, ssim = fixed_quality(*pair, peak)
    assert psnr == pytest.approx(np.mean(10 * np.log10(peak**2 / errors)))
    scores = [
        structural_similarity(a, b, data_range=peak) for a, b in zip(truth, image, strict=True)
    ]
    assert ssim == pytest.approx(np.mean(scores))


def test_brain_slices_are_a_subset(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = rows(*pair)
    kinds = {(r, s) for r in ("challenge", "fixed") for s in ("brain", "all")}
    assert set(found) == kinds | {("challenge", "cropped")}
    brain = challenge_quality(pair[0][BRAIN], pair[1][BRAIN])
    assert (found["challenge", "brain"].psnr, found["challenge", "brain"].ssim) == brain
    peak = pair[0].max()  # of the whole volume, whichever slices are scored
    assert found["fixed", "brain"].psnr == fixed_quality(pair[0][BRAIN], pair[1][BRAIN], peak)[0]


def test_units_do_not_matter(pair: tuple[np.ndarray, np.ndarray]) -> None:
    # a power of two changes no rounding
    assert rows(2**13 * pair[0], 2**13 * pair[1]) == rows(*pair)


def test_blank_slices_are_left_out(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, image = (np.concatenate([np.zeros((2, *v.shape[1:]), "f4"), v]) for v in pair)
    brain = np.concatenate([[True, True], BRAIN])
    with_blank, without = rows(truth, image, brain), rows(*pair)
    for key, row in without.items():
        if key[1] == "cropped":  # other slices are the middle ones
            continue
        assert with_blank[key] == row


def test_a_hot_pixel_moves_the_challenge_range_only(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    truth, image = pair
    hot = image.copy()
    hot[:, 0, 0] = 1.5
    calm, hit = rows(truth, image), rows(truth, hot)
    lost = {key: calm[key, "all"].psnr - hit[key, "all"].psnr for key in ("challenge", "fixed")}
    assert lost["challenge"] < lost["fixed"]


def test_the_truth_itself(pair: tuple[np.ndarray, np.ndarray]) -> None:
    for row in quality(pair[0], pair[0], BRAIN):
        assert row.psnr == np.inf
        assert row.ssim == pytest.approx(1)


@pytest.mark.parametrize("name", ["reference", "image"])
def test_nan_never_gets_out(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    volumes = dict(zip(("reference", "image"), (v.copy() for v in pair), strict=True))
    volumes[name][2, 3, 4] = np.nan
    with pytest.raises(StudyError, match="finite"):
        quality(**volumes, brain_slices=BRAIN)


def test_nothing_to_score(pair: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(StudyError, match="expected brain slices with signal"):
        quality(*pair, np.zeros(6, dtype=bool))
    with pytest.raises(StudyError, match="expected an image of shape"):
        quality(pair[0], pair[1][1:], BRAIN)


@pytest.mark.parametrize(
    ("n_slices", "first", "end"), [(256, 50, 206), (96, 18, 78), (48, 9, 39), (6, 1, 5), (1, 0, 1)]
)
def test_directs_slices_are_the_same_part_of_any_number(
    n_slices: int, first: int, end: int
) -> None:
    assert np.flatnonzero(inner_slices(n_slices)).tolist() == list(range(first, end))


def test_directs_slices_are_scored_by_its_rules(pair: tuple[np.ndarray, np.ndarray]) -> None:
    row = rows(*pair)["challenge", "cropped"]
    assert (row.psnr, row.ssim) == challenge_quality(pair[0][1:5], pair[1][1:5])
