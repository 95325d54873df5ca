"""Atrophy: exact volumes, and nothing else moved."""

import numpy as np
import pytest

from stages.anatomy.diseases.atrophy import flood, with_atrophy
from stages.anatomy.head import Head
from stages.params.phantom import AtrophyParams
from stages.study.errors import StudyError
from tests.anatomy.maps import counts, millimetres

ATROPHY = AtrophyParams(hippocampus=0.21, amygdala=0.15, cortex=0.05, ventricles=0.4)
NONE = AtrophyParams(hippocampus=0.0, amygdala=0.0, cortex=0.0, ventricles=0.0)
CHANGED = {2, 3, 4, 5, 17, 18, 24, 41, 42, 43, 44, 53, 54}


def test_atrophy_takes_what_was_asked_and_nothing_else(heads: list[Head]) -> None:
    healthy = heads[1].labels
    ill = with_atrophy(healthy, ATROPHY)
    before, after = counts(healthy), counts(ill)
    for label, share in ((17, 0.21), (53, 0.21), (18, 0.15), (54, 0.15), (3, 0.05), (42, 0.05)):
        assert after[label] == before[label] - round(share * before[label])
    for white, own in ((2, [4, 5]), (41, [43, 44])):
        assert after[white] == before[white] - round(0.4 * before[own].sum())
        assert after[own].sum() >= round(1.4 * before[own].sum())
    assert before.sum() == after.sum()
    assert set(np.flatnonzero(before != after).tolist()) <= CHANGED
    others = ~np.isin(healthy, list(CHANGED))
    assert np.array_equal(healthy[others], ill[others])
    assert set(np.unique(ill[healthy != ill]).tolist()) <= {4, 5, 24, 43, 44}


def test_atrophy_of_nothing_is_the_healthy_head() -> None:
    labels = millimetres()
    assert np.array_equal(with_atrophy(labels, NONE), labels)


def test_the_septum_stays() -> None:
    labels = np.full((9, 9, 12), 2, np.uint16)
    labels[:, :, 6:] = 41
    labels[2:7, 2:7, 3:5], labels[2:7, 2:7, 7:9] = 4, 43  # two voxels of white matter between
    labels[0, 0, 0], labels[0, 0, -1] = 24, 24
    ill = with_atrophy(labels, NONE.model_copy(update={"ventricles": 0.5}))
    assert counts(ill)[[4, 43]].tolist() == [75, 75]
    assert np.array_equal(ill[2:7, 2:7, 5:7], labels[2:7, 2:7, 5:7])


def test_fluid_takes_the_nearest_voxels_by_its_own_label() -> None:
    labels = np.array([4, 17, 17, 17, 17, 17, 24], np.uint16).reshape(1, 1, 7)
    flood(labels, 17, (4, 24), 3)
    assert labels.ravel()[[0, 1, 5, 6]].tolist() == [4, 4, 24, 24]
    assert (labels == 17).sum() == 2
    assert labels[0, 0, 3] == 17  # the middle is the farthest from both


def test_a_structure_without_fluid_beside_it_is_one_line() -> None:
    labels = np.full((4, 4, 4), 17, np.uint16)
    with pytest.raises(StudyError, match="CSF .*got 64 mm3 and 0 mm3"):
        flood(labels, 17, (4,), 5)
    labels[0, 0, 0] = 4
    with pytest.raises(StudyError, match="expected more than 63 mm3 of label 17"):
        flood(labels, 17, (4,), 63)
