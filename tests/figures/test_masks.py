"""The figure of the sampling masks."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex

from stages.figures.kit.style import save
from stages.figures.masks import LINES, N_PANELS, Shown, caption, draw, read, read_and_draw
from stages.kspace.masks.centre import disk
from stages.kspace.masks.sampling import SamplingMask, save_mask
from stages.study import layout
from stages.study.errors import StudyError
from tests.page.results import facts, metrics

MATRICES = {(30, 24): 20, (30, 26): 22}  # columns acquired


def mask(shape: tuple[int, int], n_acquired: int, seed: int) -> SamplingMask:
    """Return random samples around a disk."""
    centre = disk(shape, 4)
    drawn = np.random.default_rng(seed).random(shape) < 0.2
    return SamplingMask.of(drawn | centre, centre, n_acquired)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three masks of each of two matrices."""
    monkeypatch.chdir(tmp_path)
    for k, (shape, n_acquired) in enumerate(MATRICES.items()):
        for seed in range(3):
            save_mask(layout.mask(f"sub-{k}s{seed}"), mask(shape, n_acquired, seed))
    return tmp_path


def test_masks_are_grouped_by_their_matrix(study: Path) -> None:
    assert [part.size for part in read()] == ["30 × 24", "30 × 26"]
    assert [part.scans for part in read()] == [
        ("sub-0s0", "sub-0s1", "sub-0s2"),
        ("sub-1s0", "sub-1s1", "sub-1s2"),
    ]


def test_panels_show_the_first_mask_of_each_matrix(study: Path) -> None:
    *panels, right = read_and_draw(facts()).axes
    for panel, (k, (shape, n_acquired)) in zip(panels, enumerate(MATRICES.items()), strict=True):
        first = mask(shape, n_acquired, 0)
        (image,) = panel.images
        expected = first.mask.astype(int)
        expected[:, n_acquired:] = 2
        np.testing.assert_array_equal(image.get_array(), expected)
        scan, size = panel.get_title().splitlines()[0].split(", ")
        assert (scan, size) == (f"sub-{k}s0", f"30 × {shape[1]}")
        assert f"R = {first.acceleration_acquired:.2f} (full matrix: " in panel.get_title()
    assert right.get_title() == "Radial sampling profile"
    thick = [line for line in right.lines if line.get_linewidth() > 1]
    assert [to_hex(line.get_color()) for line in thick] == [c.lower() for c in LINES[:2]]
    assert len(right.lines) == 6 + 2


def test_the_profile_is_the_sampled_fraction_of_rings(study: Path) -> None:
    right = read_and_draw(facts()).axes[-1]
    (shape, n_acquired), *_ = MATRICES.items()
    y, z = np.indices(shape)
    distance = np.hypot(y - 15, z - 12)
    width = int(distance[:, :n_acquired].max() // 16) + 1
    means = next(line for line in right.lines if line.get_linewidth() > 1)
    for middle, fraction in zip(*means.get_data(), strict=True):
        ring = (abs(distance + 1e-9 - middle) < width / 2) & (z < n_acquired)
        expected = np.mean([mask(shape, n_acquired, seed).mask[ring].mean() for seed in range(3)])
        assert fraction == pytest.approx(expected)


def test_many_matrices_have_few_panels() -> None:
    shown = [Shown((f"sub-{n}",), (mask((20, n), n, 0),)) for n in range(16, 23)]
    assert len(draw(shown).axes) == N_PANELS + 1


def test_the_same_bytes_twice(study: Path) -> None:
    for name in ("a.png", "b.png"):
        save(read_and_draw(facts()), study / name)
    assert (study / "a.png").read_bytes() == (study / "b.png").read_bytes()


def test_the_caption_names_kind_and_number() -> None:
    words = {"description": "masks of random lines", "n_masks": 10}
    assert caption(facts(metrics() | {"masks": words})).startswith(
        "Masks of random lines, one a training or validation scan and the same for all members;"
        " n = 10\N{NO-BREAK SPACE}masks."
    )
    assert caption(facts()).startswith("Sampling masks, one a")


def test_no_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=r"work/masks: expected sampling masks, found none"):
        read()
