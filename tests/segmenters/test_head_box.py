"""The head is found whatever surrounds it."""

import numpy as np
import pytest

from stages.segmenters.head_box import head_box, threshold, varied

SIZE = np.array([2.0, 2.0, 2.0])


def ball(shape: tuple[int, int, int], radius: float, noise: float = 0.0) -> np.ndarray:
    """A bright ball of `radius` voxels in noisy air."""
    axes = np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij", sparse=True)
    inside = sum(axis**2 for axis in axes) < radius**2
    return inside * 1.0 + noise * np.abs(np.random.default_rng(0).standard_normal(shape))


def test_zeros_around_an_image_change_nothing() -> None:
    head = ball((60, 70, 64), 25, noise=0.05)
    box = head_box(head, SIZE)
    for width in ((3, 0), (0, 40), (17, 90)):
        wide = head_box(np.pad(head, (width,) * 3), SIZE)
        assert [(b.start - width[0], b.stop - width[0]) for b in wide] == [
            (b.start, b.stop) for b in box
        ]


def test_noisy_air_is_cut_off_with_a_margin() -> None:
    found = head_box(ball((128, 140, 90), 25, noise=0.1), SIZE)
    for part, n in zip(found, (128, 140, 90), strict=True):
        # a cap of 4 cm2 of the ball of 50 mm begins 1.3 mm below its top; 6 mm of margin
        assert part.start == pytest.approx(n // 2 - 25 - 3, abs=2)
        assert part.stop == pytest.approx(n // 2 + 25 + 4, abs=2)


def test_anisotropic_voxels() -> None:
    head = ball((100, 100, 100), 36)[:, :, ::5]
    found = head_box(head, np.array([1.0, 1.0, 5.0]))
    spans = [(b.stop - b.start) * mm for b, mm in zip(found, (1, 1, 5), strict=True)]
    assert all(70 <= span <= 88 for span in spans)


@pytest.mark.parametrize("data", [np.zeros((9, 10, 11)), np.full((9, 10, 11), 3.0)])
def test_a_constant_image_stays_whole(data: np.ndarray) -> None:
    assert head_box(data, SIZE) == tuple(slice(0, n) for n in data.shape)


def test_an_image_smaller_than_a_head_is_not_cut() -> None:
    small = np.pad(np.random.default_rng(0).random((20, 20, 20)), 4)
    assert head_box(small, SIZE) == (slice(4, 24),) * 3 == varied(small)


def test_threshold_is_half_of_what_separates_two_values() -> None:
    two = np.repeat([1.0, 5.0], [300, 200])
    assert 1.0 < threshold(two) < 3.1
    rng = np.random.default_rng(0)
    both = np.concatenate([rng.normal(1, 0.1, 5000), rng.normal(9, 1.0, 2000)])
    assert 1.4 < threshold(both) < 5
