"""Figure 1: the window of its slice, and a panel for every member."""

import numpy as np
import pytest

from stages.figures.figure1 import cut, draw, same_shape, window


def test_window_has_its_margin_inside_the_image():
    mask = np.zeros((10, 12), dtype=bool)
    mask[1:4, 5:7] = True
    assert window(mask, np.array([2, 1])) == ((0, 6), (4, 8))
    assert window(np.zeros((10, 12), dtype=bool), np.array([0, 0])) == ((0, 10), (0, 12))


def test_enlarged_window_has_the_proportions_of_the_head_and_holds_its_structures():
    (x0, x1), (y0, y1) = same_shape(((30, 40), (20, 25)), ((0, 60), (0, 80)))
    assert (x1 - x0) / (y1 - y0) == pytest.approx(60 / 80, abs=0.1)
    assert x0 <= 30 < 40 <= x1
    assert y0 <= 20 < 25 <= y1


@pytest.mark.parametrize("n_members", [2, 5])
def test_every_member_has_a_panel_and_its_outlines(n_members):
    generator = np.random.default_rng(0)
    labels = np.zeros((n_members, 30, 40), dtype=np.int64)
    labels[:, 5:25, 5:35] = 2
    for member in range(n_members):
        labels[member, 10 : 14 + member, 15:20] = 49
    images = 1 + 0.1 * generator.normal(size=labels.shape)
    part = cut(images[0], images, labels[0], labels, np.array([2.0, 1.0, 1.0]))
    assert part.std == pytest.approx(np.std(images, axis=0, ddof=1))
    assert part.aspect == 0.5
    figure = draw(part, "rim", range(n_members), "sub-1")
    titles = [axes.get_title() for axes in figure.axes]
    assert [f"member {m}" for m in range(n_members)] == [t for t in titles if "member " in t]
    n_columns = max(n_members, 4)
    outlines = figure.axes[2 * n_columns + 3].collections
    assert len(outlines) == n_members
    sides = [text.get_text() for text in figure.axes[0].texts]
    assert sides == ["L", "R"]
    differences = [axes.images[0].get_array() for axes in figure.axes[n_columns:][:n_members]]
    assert np.sum(differences, axis=0) == pytest.approx(0, abs=1e-9)
    assert titles.count("less the mean") == n_members
