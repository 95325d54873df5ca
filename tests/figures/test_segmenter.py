"""The figure of the segmentation network: points where the numbers are, whatever was measured."""

import pytest

from stages.figures import segmenter
from stages.figures.segmenter import FIGURE, MAPS, PHANTOMS, ZERO_FILLED, caption, draw, results
from tests.page.results import facts

NAMES = ("hippocampus", "caudate")


def content(dice: float, *, shift: bool = True) -> dict:
    """Metrics of two structures."""
    rows = {name: {"dice": dice + k / 100, "volume_error": 5.0} for k, name in enumerate(NAMES)}
    for row in rows.values() if shift else ():
        row["shift_cv"] = 1.5
    head = {"n_phantoms": 12, "n_folds": 4, "steps": 3325, "dice": {"mean": dice}}
    return head | {"structures": rows}


def measured(**parts: dict):
    known = facts()
    metrics = {k: v for k, v in known.metrics.items() if k not in ("segmenter", "maps", "diseases")}
    return type(known)(**{**vars(known), "metrics": metrics | parts})


def full() -> dict:
    phantoms = content(0.9) | {"undersampled": content(0.7, shift=False)}
    return {"segmenter": phantoms, "maps": content(0.85), "diseases": {"tumour": content(0.8)}}


def test_points_are_where_the_numbers_are() -> None:
    found = results(measured(**full()))
    assert list(found) == [PHANTOMS, ZERO_FILLED, MAPS, "tumour"]
    figure = draw(found, NAMES)
    dice, error, shift = figure.axes
    drawn = {line.get_label(): list(line.get_xdata()) for line in dice.lines}
    assert drawn[PHANTOMS] == pytest.approx([0.9, 0.91])
    assert drawn[MAPS] == pytest.approx([0.85, 0.86])
    assert drawn["phantoms, tumour"] == pytest.approx([0.8, 0.81])
    assert len(error.lines) == 4 and error.get_xlim()[0] == 0
    moved = [line for line in shift.lines if len(line.get_xdata())]
    assert len(moved) == 3  # zero-filled images are not moved
    assert [text.get_text() for text in dice.get_yticklabels()] == ["Hippocampus", "Caudate"]
    figure.canvas.draw()


def test_phantoms_alone_and_structures_that_were_not_measured() -> None:
    known = measured(segmenter=content(0.9, shift=False))
    assert list(results(known)) == [PHANTOMS]
    draw(results(known), (*NAMES, "thalamus")).canvas.draw()
    assert "real" not in caption(known) and "12 held-out digital phantoms" in caption(known)


def test_caption_states_what_was_judged() -> None:
    words = caption(measured(**full()))
    assert "12 real label maps, each measured by a network trained without it (3" in words
    assert "(tumour 12)" in words
    assert "phantoms 0.900 and real heads 0.850" in words


def test_it_is_left_out_where_nothing_was_measured() -> None:
    assert not FIGURE.shown(measured())
    assert FIGURE.shown(measured(**full()))
    assert segmenter.read_and_draw(measured(**full())).axes
