"""What a finished training leaves."""

from pathlib import Path

import numpy as np
import pytest

from stages.segmenters.synthseg import model, optimisation, trained
from stages.segmenters.synthseg.labels import SIDED_LABELS
from tests.segmenters.synthseg.test_optimisation import params


def test_curves_are_means_of_spans() -> None:
    log = [[k, 2.0 * k, 1.0] for k in range(trained.SPAN + 2)]
    found = trained.curves(log)
    assert [point["step"] for point in found] == [trained.SPAN, trained.SPAN + 2]
    assert found[0]["dice"] == pytest.approx(np.mean(range(trained.SPAN)))
    assert found[1] == {
        "step": trained.SPAN + 2,
        "dice": trained.SPAN + 0.5,
        "entropy": 2 * trained.SPAN + 1,
        "volume": 1.0,
    }


def test_the_model_has_sides_and_its_file_the_curves(tmp_path: Path) -> None:
    settings = params()
    state = optimisation.begun(optimisation.build(settings), settings.optimisation)
    state.log = [[0.5, 0.4, 0.3]]
    state.average.eval()
    made = trained.trained_model(state, settings)
    model.save(tmp_path / "a.npz", made)
    found = model.load(tmp_path / "a.npz")
    assert found.labels == SIDED_LABELS and len(found.names) == 30
    assert "left hippocampus" in found.names and "brain-stem" in found.names
    assert found.training["curves"] == [{"step": 1, "dice": 0.5, "entropy": 0.4, "volume": 0.3}]
    assert found.training["anatomies"]["n_heads"] == 6
    assert found.recipe.multiple == 2 and found.recipe.voxel_size_mm == 2.0
