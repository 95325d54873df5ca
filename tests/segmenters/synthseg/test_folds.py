"""Folds: every map is left out once."""

from pathlib import Path

import pytest

from stages.params.segmenter import SegmenterParams
from stages.segmenters.synthseg import folds
from stages.segmenters.synthseg.folds import (
    fold,
    left_out,
    shared,
    train_fold,
    unseen_maps,
    weights_of,
)
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.study import layout
from stages.study.errors import StudyError
from tests.anatomy.maps import block_head, write_lia
from tests.segmenters.synthseg.test_optimisation import ANATOMIES, params


def with_maps(folder: Path, n: int) -> SegmenterParams:
    for number in range(n):
        write_lia(folder / f"map-{number}.nii.gz", block_head())
    anatomies = ANATOMIES | {"label_maps": str(folder)}
    return SegmenterParams(**params().model_dump() | {"anatomies": anatomies})


def test_every_map_is_left_out_once(tmp_path: Path) -> None:
    settings = with_maps(tmp_path, 5)
    names = [[path.name for path in left_out(settings, number)] for number in range(2)]
    assert names == [[f"map-{k}.nii.gz" for k in (0, 2, 4)], [f"map-{k}.nii.gz" for k in (1, 3)]]
    assert fold(settings, 1).anatomies.left_out == tuple(names[1])


def test_every_map_is_judged_by_a_network_that_has_not_seen_it(tmp_path: Path) -> None:
    settings = with_maps(tmp_path, 5)
    anatomies = settings.anatomies.model_copy(update={"left_out": ("map-0.nii.gz",)})
    settings = settings.model_copy(update={"anatomies": anatomies})
    networks = (EMBEDDED_FILE, *map(weights_of, (0, 1, 0, 1)))
    expected = [(k, tmp_path / f"map-{k}.nii.gz", path) for k, path in enumerate(networks)]
    assert unseen_maps(settings) == expected
    first = settings.folds.model_copy(update={"judged": 1})
    found = unseen_maps(settings.model_copy(update={"folds": first}))
    assert found == [expected[k] for k in (0, 1, 3)]


def test_folds_are_trained_shorter_and_otherwise_alike(tmp_path: Path) -> None:
    settings = with_maps(tmp_path, 2)
    found = fold(settings, 0)
    assert found.optimisation.steps == 20
    assert [phase.steps for phase in found.refinements] == [2, 2]
    steps = {"optimisation": {"steps"}, "refinements": {"__all__": {"steps"}}}
    without = {"anatomies": {"left_out"}} | steps
    assert found.model_dump(exclude=without) == settings.model_dump(exclude=without)


def test_folds_begin_with_the_same_steps_on_digital_phantoms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, calls = with_maps(tmp_path, 4), []
    monkeypatch.setattr(folds, "train_on", lambda *a, until: calls.append((a, until)) or "start")
    monkeypatch.setattr(folds, "train_to", lambda *a: calls.append(a))
    train_fold(settings, 1)
    (begin, until), rest = calls
    assert begin == (layout.SEGMENTER / "shared-8.pt", shared(settings)) and until == 8
    assert (rest[0], *rest[2:]) == (weights_of(1), fold(settings, 1), "start")
    assert shared(settings).anatomies.label_maps is None and not shared(settings).anatomies.real
    without = {"anatomies": {"label_maps", "left_out", "real"}}
    assert shared(settings).model_dump(exclude=without) == fold(settings, 1).model_dump(
        exclude=without
    )
    update = {"folds": settings.folds.model_copy(update={"digital": 0})}
    train_fold(settings.model_copy(update=update), 0)
    assert calls[2][-1] is None


@pytest.mark.parametrize(
    ("number", "n", "message"), [(2, 3, "below segmenter.folds.n = 2"), (1, 1, "at least 2")]
)
def test_folds_that_there_are_not(tmp_path: Path, number: int, n: int, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        fold(with_maps(tmp_path, n), number)


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        ({"steps": (20, 2)}, "'folds.steps' must hold 3 numbers"),
        ({"judged": 3}, "'folds.judged' must be at most"),
        ({"digital": 21}, "'folds.digital' must be at most"),
    ],
)
def test_folds_of_another_recipe(folds: dict[str, object], message: str) -> None:
    content = params().model_dump()
    with pytest.raises(ValueError, match=message):
        SegmenterParams(**content | {"folds": content["folds"] | folds})
