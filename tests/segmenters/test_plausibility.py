"""Volumes that no head has are named; those of healthy and ill heads are not."""

from pathlib import Path

import numpy as np
import pytest

from stages.segmenters.plausibility import ADULTS_ML, WIDER, implausible, remarks_of
from stages.segmenters.protocol import Segmentation
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.study.structures import STRUCTURES, SYNTHSEG_LABELS, SYNTHSEG_NAMES, structure

MERGED_NAMES = tuple(merged_name(label) for label in MERGED_LABELS[1:])


def sided(factors: dict[str, float]) -> np.ndarray:
    """Volumes of SynthSeg's table, each structure in the middle of the range times a factor."""
    volumes = dict.fromkeys(SYNTHSEG_LABELS[1:], 0.0)
    for name, (low, high) in ADULTS_ML.items():
        labels = structure(name).labels
        for label in labels:
            volumes[label] = 1000 * np.sqrt(low * high) * factors.get(name, 1.0) / len(labels)
    return np.array(list(volumes.values()))


def test_ranges_are_of_all_structures_but_the_fluid_around_the_brain() -> None:
    assert {*ADULTS_ML, "csf"} == {entry.name for entry in STRUCTURES}
    assert all(low < high for low, high in ADULTS_ML.values())


def test_heads_are_plausible_with_and_without_sides() -> None:
    assert implausible(SYNTHSEG_NAMES, sided({})) is None
    merged = [
        1000 * np.sqrt(np.prod(ADULTS_ML[entry.name])) if entry.name in ADULTS_ML else 3e5
        for entry in sorted(STRUCTURES, key=lambda entry: MERGED_LABELS.index(entry.left[0]))
    ]
    assert implausible(MERGED_NAMES, np.array(merged)) is None
    # atrophy and a large infarct
    ill = {"lateral_ventricle": 2.5, "hippocampus": 0.6, "cortex": 0.8, "white_matter": 0.8}
    assert implausible(SYNTHSEG_NAMES, sided(ill)) is None


@pytest.mark.parametrize(("name", "factor"), [("fourth_ventricle", 0.0), ("white_matter", 5.0)])
def test_a_volume_of_no_head_is_named(name: str, factor: float) -> None:
    words = implausible(SYNTHSEG_NAMES, sided({name: factor}))
    assert words is not None and words.startswith(name.replace("_", " ")) and "," not in words
    assert "mL" in words


def test_long_lists_are_cut() -> None:
    words = implausible(SYNTHSEG_NAMES, np.zeros(len(SYNTHSEG_NAMES)))
    assert words is not None and words.endswith("and 13 more")


def test_limits_are_wider_than_the_range() -> None:
    low, high = ADULTS_ML["thalamus"]
    middle = np.sqrt(low * high)
    for volume, plausible in (
        (low / WIDER * 1.01, True), (low / WIDER * 0.99, False),
        (high * WIDER * 0.99, True), (high * WIDER * 1.01, False),
    ):  # fmt: skip
        found = implausible(SYNTHSEG_NAMES, sided({"thalamus": volume / middle}))
        assert (found is None) == plausible


def test_the_line_names_the_image(tiny_model, write_image, tmp_path: Path) -> None:
    write_image(tmp_path / "a.nii.gz")
    segmenter = NetworkSegmenter(tiny_model)
    empty = Segmentation(np.zeros((9, 12, 10), np.int32), np.diag([2.0, 2, 2, 1]), np.zeros(17))
    lines = remarks_of(tmp_path / "a.nii.gz", segmenter, empty)
    assert len(lines) == 1 and "a.nii.gz: expected volumes of a head" in lines[0]
