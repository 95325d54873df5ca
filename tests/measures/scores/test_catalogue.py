"""All scores: each has an entry, knows its direction, and judges the same whatever the unit is."""

from pathlib import Path

import numpy as np
import pytest

from stages.measures import scores as package
from stages.measures.scores import catalogue
from stages.measures.scores.brain_box import BrainBox, brain_box
from stages.measures.scores.catalogue import SCORES, scores
from stages.measures.scores.haarpsi import haarpsi
from stages.study.columns import SCORES as DESCRIBED
from tests.measures.scores.slices import pair

SHAPE = (3, 44, 46)
SHARED = {"__init__", "catalogue", "brain_box", "halved"}
MODULE_OF = {"cnr": "tissue_contrast", "cjv": "tissue_contrast", "efc": "entropy_focus"}


def scan(unit: float = 1.0) -> tuple[BrainBox, np.ndarray, np.ndarray]:
    """Return the box of a scan with bright white and dark grey matter, its image, and noise."""
    reference, image = pair(SHAPE)
    labels = np.where(reference > 140, 2, 3)
    return brain_box(unit * reference, labels), unit * reference, unit * (image - reference)


def test_every_module_has_its_scores() -> None:
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")}
    assert modules - SHARED == {MODULE_OF.get(name, name) for name in SCORES}


def test_directions_are_those_that_readers_are_told() -> None:
    for name, score in SCORES.items():
        words = "higher" if score.higher_is_better else "lower"
        assert DESCRIBED[name].endswith(f"; {words} is better"), name
    assert {*DESCRIBED} == {*SCORES, "psnr", "ssim"}


@pytest.mark.parametrize("name", SCORES)
def test_more_noise_is_worse(name: str) -> None:
    box, image, noise = scan()
    found = [scores(box.pair(image + factor * noise))[name] for factor in (0, 0.5, 2, 8)]
    assert np.isfinite(found).all()
    if name != "efc":  # noise in dark pixels adds entropy, in bright ones it takes some away
        assert found == sorted(found, reverse=SCORES[name].higher_is_better)


def test_the_unit_of_the_intensities_does_not_matter() -> None:
    found = []
    for unit in (1.0, 1e-5):
        box, image, noise = scan(unit)
        found.append(scores(box.pair(image + noise)))
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_scores_without_reference_judge_the_image_alone() -> None:
    box, image, noise = scan()
    other = brain_box(image + noise + 300, np.where(image > 140, 2, 3))
    found = [scores(each.pair(image)) for each in (box, other)]
    for name, score in SCORES.items():
        assert (found[0][name] == pytest.approx(found[1][name])) != score.referenced, name


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_slices_are_scored_alone(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    box, image, noise = scan()
    expected = scores(box.pair(image + noise))
    monkeypatch.setattr(catalogue, "AT_ONCE", at_once)
    assert scores(box.pair(image + noise)) == expected


def test_scores_of_slices_are_means_over_those_that_have_one() -> None:
    box, image, noise = scan()
    dark = image + noise
    expected = haarpsi(box.reference, box.pair(dark).image).mean()
    assert scores(box.pair(dark))["haarpsi"] == pytest.approx(expected)
    assert np.isnan(
        scores(brain_box(image[:, :9], np.full((3, 9, 46), 2)).pair(dark[:, :9]))["vif"]
    )
    blank = image.copy()
    blank[1] = 0
    efc = [scores(box.pair(part))["efc"] for part in (image, blank)]
    assert np.isfinite(efc).all()
