"""The formulas of the planner, by their properties."""

import math
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.params.draws import DrawsSection
from stages.params.sections import Parameters, load_all
from stages.params.train import TrainParams
from stages.pipeline.costs import Cost, Rates, Study, Timed, rows
from stages.pipeline.estimators import ESTIMATORS, cost_of, select, side_by_side, train
from stages.pipeline.graph import Stage, script_of
from stages.pipeline.sizes import cropped, kspace_bytes
from tests.fabricated import ROOT

SCRIPTS = sorted(ESTIMATORS)
GROUPS = ("unet", "varnet", "rim", "zero_filled")
COUNT = st.integers(1, 50)
SECONDS = st.floats(1e-6, 1e3)


def study(*, gpu: bool = False, **sections: object) -> Study:
    """The default study as the planner sees it, with some sections of its parameters changed."""
    default = default_params()
    return Study(
        training=(default.phantom.grid,) * 6,
        validation=(default.phantom.grid,) * 4,
        monitor=(default.phantom.grid,) * 4,
        gpu=gpu,
        params=default.model_copy(update=sections),
    )


@cache
def default_params() -> Parameters:
    """The default parameters, read once."""
    draws = {"mine": {"of": "unet/0", "method": "replicas", "members": (0, 1)}}
    section = DrawsSection.model_validate(draws)
    return load_all(ROOT / "params.yaml").model_copy(update={"draws": section})


def rates(seconds: float = 1e-3) -> Rates:
    """Every piece takes as long."""
    timed = Timed(seconds, 1e9, 0.0)
    names = ("read", "reference", "noise", "load", "save", "quality", "segment", "mask", "head")
    return Rates(
        start=dict.fromkeys(SCRIPTS, timed),
        step=dict.fromkeys(GROUPS, timed),
        check=dict.fromkeys(GROUPS, timed),
        slice=dict.fromkeys(GROUPS, timed),
        weights=dict.fromkeys(GROUPS, 2e6),
        **dict.fromkeys(names, timed),
    )


def costs(steps: int, **changes: object) -> tuple[Cost, Cost]:
    """Costs of one training of so many steps, and of the selection after it."""
    params = study().params.train["unet"].model_copy(update={"steps": steps, **changes})
    of_it = study(train={"unet": params}), rates(), ["unet", "0"]
    return train(*of_it), select(*of_it)


@given(COUNT, COUNT)
def test_training_grows_linearly_with_steps(few: int, more: int) -> None:
    base, grown = (costs(steps)[0].seconds for steps in (few, few + more))
    assert math.isclose(grown - base, more * 1e-3, rel_tol=1e-6)


@given(COUNT, COUNT)
def test_every_snapshot_takes_room_and_is_validated(steps: int, interval: int) -> None:
    done = [step for step in range(1, steps + 1) if step % interval == 0 or step == steps]
    training, selection = costs(steps, snapshot_interval=interval, validation_slices=2)
    assert training.disk_bytes == len(done) * 2e6
    assert selection.disk_bytes == 2e6
    assert math.isclose(selection.seconds, len(done) * 4 * 2 * 1e-3, rel_tol=1e-9)


def test_a_member_from_elsewhere_is_not_trained() -> None:
    taken = {1: {"checkpoint": "a.pt", "configuration": "a.yaml", "md5": "0" * 32}}
    params = study().params.train["unet"].model_dump() | {"pretrained": taken}
    changed = study(train={"unet": TrainParams.model_validate(params)})
    assert train(changed, rates(), ["unet", "1"]).seconds == 0
    assert train(changed, rates(), ["unet", "0"]).seconds > 0
    assert select(changed, rates(), ["unet", "1"]).seconds == 0


@given(COUNT, SECONDS, COUNT)
def test_workers_share_equal_items(n_items: int, seconds: float, n_workers: int) -> None:
    wall = side_by_side(n_items, seconds, n_workers)
    assert n_items * seconds / n_workers <= wall * (1 + 1e-9)
    assert wall <= n_items * seconds
    assert side_by_side(n_items, seconds, n_items) == seconds


@given(st.lists(st.tuples(COUNT, COUNT, COUNT), min_size=1, max_size=4), COUNT)
def test_sizes_are_those_of_the_files(shapes: list[tuple[int, int, int]], n_coils: int) -> None:
    expected = sum(a * b * c * 2 * n_coils * 4 for a, b, c in shapes)  # float32 pairs
    assert kspace_bytes(shapes, n_coils) == expected
    assert kspace_bytes(cropped(shapes, (30, 30)), n_coils) <= expected


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_a_finite_cost_that_grows_with_the_time_of_its_pieces(
    script: str, gpu: bool
) -> None:
    words = {
        "train": "unet 0",
        "select": "unet 0",
        "reconstruct": "zero_filled 0",
        "segment": "unet 0",
    }
    words |= {"reconstruct_draws": "mine"}
    words |= {"image_quality": "rim", "measure": "noise", "noise": "2"}
    words |= {"overlap": "reference", "deformation": "varnet"}
    stage = Stage(script, frozenset(), f"python -m stages.{script} {words.get(script, '')}", gpu)
    one, two = (cost_of(stage, study(gpu=gpu), rates(s)) for s in (1e-3, 2e-3))
    assert 0 < one.seconds < two.seconds
    numbers = (one.seconds, one.hours, one.memory_bytes, one.disk_bytes, one.gpu_bytes)
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    assert one.gpu == (
        gpu and script in ("train", "select", "reconstruct", "reconstruct_draws", "segment")
    )


def test_more_members_are_more_rows_and_longer_measurements() -> None:
    def seconds(n: int) -> float:
        ensembles = study().params.ensembles.model_copy(update={"noise": tuple(range(n))})
        stage = Stage("measure@noise", frozenset(), "python -m stages.measure noise", False)
        return cost_of(stage, study(ensembles=ensembles), rates()).seconds

    assert math.isclose(seconds(6) - seconds(4), seconds(4) - seconds(2), rel_tol=1e-9)


def test_data_and_unknown_commands() -> None:
    data = cost_of(Stage("data.dvc", frozenset(), None, False), study(), rates())
    assert data.disk_bytes == kspace_bytes(((96, 108, 84),) * 10, 12)
    frozen = Stage("segmenter", frozenset(), None, False)
    assert cost_of(frozen, study(), rates()).seconds < 2
    other = Stage("other", frozenset(), "make tea", False)
    assert script_of(other) == ("", ["make", "tea"])
    assert cost_of(other, study(), rates()) is None
    known = Stage("train-rim@rim-3", frozenset(), "python -m stages.train rim 3", True)
    assert script_of(known) == ("train", ["rim", "3"])


@given(st.lists(SECONDS, min_size=1, max_size=6), st.booleans())
def test_rows_keep_sums(times: list[float], gpu: bool) -> None:
    costs = {
        f"train@{n}": Cost(s, processors=n + 1, gpu=gpu, memory_bytes=n, disk_bytes=n)
        for n, s in enumerate(times)
    }
    (row,) = rows(costs)
    assert (row.kind, row.number) == ("train", len(times))
    assert math.isclose(row.seconds, sum(times), rel_tol=1e-9)
    assert math.isclose(row.hours, sum(c.hours for c in costs.values()), rel_tol=1e-9)
    assert math.isclose(row.disk_bytes, sum(c.disk_bytes for c in costs.values()))
    assert row.one.memory_bytes == len(times) - 1
