"""The label map on the scan's grid follows the change of the fine one, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from stages.anatomy.view import majority
from stages.implantation.dose import Dose
from stages.implantation.healthy_scan import HealthyScan, put
from stages.implantation.implanted_truth import changes, coarse_labels
from stages.study.errors import StudyError
from tests.implantation.heads import FACTOR, brain, labels, params, with_disease


def test_a_coarse_map_follows_the_fine_one(healthy: HealthyScan) -> None:
    before, after = brain(labels()), brain(with_disease("infarct"))
    found = coarse_labels(healthy.labels, before, after, healthy.grid)
    expected = majority(after, healthy.grid.grid, FACTOR)
    changed = majority(before, healthy.grid.grid, FACTOR) != expected
    # a Gaussian around the centre and the whole voxel differ in voxels that are cut in half
    assert (found == expected)[changed].mean() > 0.9
    near = ndimage.binary_dilation(before != after, iterations=2 * FACTOR)[::2, ::2, ::2]
    assert np.array_equal(found[~near], healthy.labels[~near])


def test_a_map_without_sides_bears_lesions_alone(healthy: HealthyScan) -> None:
    labels = np.where(healthy.labels == 41, 2, healthy.labels)
    merged = replace(healthy, labels=labels, fine=np.where(healthy.fine == 41, 2, healthy.fine))
    assert (put(merged, "lesions", Dose(), params(), 0).ill != merged.fine).sum() == 4000
    with pytest.raises(StudyError, match=r"e1_s0.h5: expected left and right .* for infarct"):
        put(merged, "infarct", Dose(), params(), 0)


def test_without_a_change_nothing_moves(healthy: HealthyScan) -> None:
    fine = healthy.fine
    assert np.array_equal(coarse_labels(healthy.labels, fine, fine, healthy.grid), healthy.labels)


@pytest.mark.parametrize("contrast", [0.6, 1.3])
def test_what_is_told_of_a_change_is_what_was_asked(healthy: HealthyScan, contrast: float) -> None:
    implant = put(healthy, "lesions", Dose(3.0, None, contrast, 1), params(), 0)
    told = changes(healthy, implant)
    assert told["changed_ml"] == pytest.approx(3.0, abs=1e-3)
    assert told["contrast"] == pytest.approx(contrast, abs=0.03)
    again = put(healthy, "lesions", Dose(3.0, None, 0.9, 1), params(), 0)
    assert np.array_equal(again.ill, implant.ill)  # one place for every contrast
    other = put(healthy, "lesions", Dose(3.0, None, contrast, 1), params(), 1)
    assert not np.array_equal(other.ill, implant.ill)
