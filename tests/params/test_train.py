"""Section `train`: the schedule of the learning rate and the snapshots that belong to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.params.section import parse
from stages.params.train import ScheduleParams, TrainParams
from stages.study.errors import StudyError
from tests.recon.conftest import train_params
from tests.settings import settings

UNET = train_params("unet").model_dump()
CYCLIC = {"kind": "cyclic", "warmup_steps": 3, "cycles": 4}


def schedule(**changes: object) -> ScheduleParams:
    return parse(ScheduleParams, "schedule", {"kind": "cosine", "warmup_steps": 0} | changes)


def unet(**changes: object) -> TrainParams:
    return parse(TrainParams, "train", UNET | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cycles": 4}, "'schedule': expected no 'cycles' of kind cosine: .* option of cyclic"),
        ({"kind": "multistep", "cycles": 4}, "expected no 'cycles' of kind multistep"),
        ({"decay_steps": 9}, "expected no 'decay_steps' of kind cosine: .* option of multistep"),
        (CYCLIC | {"decay_factor": 0.5}, "expected no 'decay_factor' of kind cyclic: .* multistep"),
        ({"kind": "cyclic"}, "'schedule': expected 'cycles' of kind cyclic"),
        ({"kind": "cyclic", "cycles": 1}, "'schedule.cycles': .*greater than or equal to 2"),
        ({"kind": "linear"}, "'schedule.kind': .*'cosine', 'multistep' or 'cyclic', got 'linear'"),
    ],
)
def test_options_are_of_one_kind(changes: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        schedule(**changes)
    assert "\n" not in str(caught.value)


def test_a_training_depends_on_what_it_did_before_there_were_cycles() -> None:
    known = {"kind", "warmup_steps", "decay_steps", "decay_factor"}
    for kind in ("cosine", "multistep"):
        assert {*schedule(kind=kind).model_dump(mode="json")} == known
    assert {*schedule(**CYCLIC).model_dump(mode="json")} == {*known, "cycles"}


@pytest.mark.parametrize("content", [{}, {"kind": "multistep", "decay_steps": 9}, CYCLIC])
def test_the_configuration_of_a_member_can_be_read(content: dict) -> None:
    written = schedule(**content)
    assert schedule(**written.model_dump(mode="json")) == written


@given(cycles=st.integers(2, 50), length=st.integers(1, 500), data=st.data())
def test_snapshots_are_the_ends_of_cycles(cycles: int, length: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, length - 1))
    own = CYCLIC | {"cycles": cycles, "warmup_steps": warmup}
    params = unet(steps=cycles * length, schedule=own, snapshot_interval=length)
    assert params.snapshot_steps == tuple(length * (k + 1) for k in range(cycles))


@pytest.mark.parametrize(
    ("steps", "interval", "message"),
    [
        (40, 8, r"'train.snapshot_interval': expected steps / schedule.cycles, 40 / 4 .*got 8"),
        (40, 40, r"expected steps / schedule.cycles, 40 / 4 and a whole number, .*got 40"),
        (42, 10, r"expected steps / schedule.cycles, 42 / 4 and a whole number, .*got 10"),
        (12, 3, r"'train.snapshot_interval': expected more than the 3 steps of warm-up.*got 3"),
    ],
)
def test_other_snapshots_of_a_cyclic_schedule(steps: int, interval: int, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        unet(steps=steps, snapshot_interval=interval, schedule=CYCLIC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("study", "cycles"), [("ci", 2), ("default", 4)])
def test_the_studies_of_the_project_can_be_cyclic(study: str, cycles: int) -> None:
    content = settings(study)["train"]["unet"]
    content["schedule"] = content["schedule"] | {"kind": "cyclic", "cycles": cycles}
    assert len(parse(TrainParams, "train", content).snapshot_steps) == cycles


def test_a_fault_of_the_schedule_is_named_first() -> None:
    with pytest.raises(StudyError, match=r"expected a value for 'train.schedule.warmup_steps'"):
        unet(schedule={"kind": "cyclic"})
