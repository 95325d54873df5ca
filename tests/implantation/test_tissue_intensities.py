"""Intensities that are measured in an image whose intensities are known."""

import numpy as np
import pytest

from stages.implantation.tissue_intensities import measured_signals, tissue_of
from stages.study.errors import StudyError

MM = (2.0, 2.0, 2.0)
KNOWN = {2: 1.0, 3: 0.55, 17: 0.5, 24: 0.1}


def layered() -> np.ndarray:
    """Return layers of CSF, cortex, white matter, hippocampus and a ventricle, of both sides."""
    labels = np.zeros((20, 20, 40), int)
    labels[1:-1, 1:-1, 2:38] = 24
    labels[3:-3, 3:-3, 5:20], labels[3:-3, 3:-3, 20:35] = 3, 42
    labels[4:-4, 4:-4, 6:20], labels[4:-4, 4:-4, 20:34] = 2, 41
    labels[6:12, 6:12, 9:14], labels[6:12, 6:12, 26:31] = 17, 53
    labels[6:12, 6:12, 17:20], labels[6:12, 6:12, 20:23] = 4, 43
    return labels


def test_tissues_are_the_same_on_both_sides_and_fluids_are_one() -> None:
    labels = np.array([0, 2, 41, 53, 17, 4, 44, 14, 24, 600])
    assert tissue_of(labels).tolist() == [0, 2, 2, 17, 17, 24, 24, 24, 24, 600]


def test_intensities_are_found_below_a_field_and_noise() -> None:
    labels, rng = layered(), np.random.default_rng(0)
    table = np.zeros(60)
    for label in (2, 3, 17, 24, 41, 42, 53, 4, 43):
        table[label] = KNOWN[int(tissue_of(np.array(label)))]
    field = 300 * np.exp(0.3 * np.linspace(-1, 1, 40))
    image = field * (table[labels] + 0.02 * rng.standard_normal(labels.shape))
    found = measured_signals(image.astype(np.float32), labels, MM, "a.nii.gz")
    # 0.3 in 40 mm is 0.75 % a mm: what the width of the Gaussian leaves of it
    for tissue, signal in KNOWN.items():
        assert found[tissue] == pytest.approx(signal, rel=0.04), tissue
    assert found[0] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("lost", "words"), [((2, 41), "white matter"), ((4, 24, 43), "CSF")])
def test_a_map_without_white_matter_or_fluid_is_refused(lost: tuple, words: str) -> None:
    labels = layered()
    labels[np.isin(labels, lost)] = 3
    with pytest.raises(StudyError, match=f"a.nii.gz: expected {words} .* in its label map"):
        measured_signals(np.ones(labels.shape, np.float32), labels, MM, "a.nii.gz")
