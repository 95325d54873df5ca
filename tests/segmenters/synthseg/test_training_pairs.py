"""Training pairs: the same whoever draws them, and the shading of the coils."""

import numpy as np
import pytest
import torch

from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg import training_pairs as pairs
from tests.segmenters.synthseg.test_optimisation import ANATOMIES, PHASE, params
from tests.segmenters.synthseg.test_synthesis import LIVELY

pytestmark = pytest.mark.usefixtures("kept_heads")

PLACES = [(0, 0), (0, 1), (1, 0)]


@pytest.fixture(scope="module")
def settings() -> SegmenterParams:
    """One digital head and small crops."""
    synthesis = LIVELY | {"crop": (8, 8, 8), "low_crop": 0.0, "crop_shift_mm": 0.0}
    changes = {"synthesis": synthesis, "anatomies": ANATOMIES | {"n_heads": 1, "n_ill": 0}}
    content = params().model_dump()
    changes |= {"refinements": (PHASE | {"synthesis": synthesis | {"noise": (0.2, 0.2)}},)}
    changes |= {"folds": content["folds"] | {"steps": (20, 2)}}
    return SegmenterParams(**content | changes)


def test_a_second_process_draws_the_same_pairs(settings: SegmenterParams) -> None:
    here = list(pairs.pairs_here(settings, PLACES))
    ahead = list(pairs.pairs_ahead(settings, PLACES))
    assert len(here) == len(ahead) == 3
    for one, other in zip(here, ahead, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(here[0][0], here[1][0])


def test_later_phases_have_their_own_synthesis(settings: SegmenterParams) -> None:
    first, later = (pairs.draw_pair(settings, (phase, 0))[0] for phase in (0, 1))
    rough = [np.abs(np.diff(image[0, 0], axis=0)).mean() for image in (first, later)]
    assert rough[1] > rough[0]


def test_shading_is_brighter_near_the_coils() -> None:
    shape = pairs.field_of_view(8.0)
    assert shape == (21, 27, 24)
    shading = pairs.coil_shading(shape, 8.0)
    assert shading.shape == shape
    middle = shading[shape[0] // 2, shape[1] // 2, shape[2] // 2]
    assert shading[:, 0].mean() > middle and torch.isfinite(shading).all()
