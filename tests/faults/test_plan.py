"""The suite tries every stage of the study, and counts what came of it."""

import random
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.fabricated import ROOT
from tests.faults import trials
from tests.faults.__main__ import FAULTS, N_KILLS, WRITES_NOTHING, Trial, made, plan
from tests.faults.study import UNTRIED, Run, runs, smallest_params
from tests.faults.table import Outcome, table
from tests.faults.trials import Bench

LEAST_KILLS = 50
WRITTEN = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in WRITTEN.items()}


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """What DVC leaves of a study of which all has run that is not frozen."""
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    locked = {
        f"{name}@0" if "matrix" in stage else name: {"cmd": f"python -m stages.any {name}"}
        for name, stage in STAGES.items()
        if not stage.get("frozen")
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": locked}))
    return tmp_path


def test_every_stage_is_killed_and_gets_a_full_and_a_read_only_disk(finished: Path) -> None:
    found = plan(runs(finished), FAULTS, N_KILLS, 0, finished)
    kills = {trial.stage: trial.n for trial in found if trial.fault == "killed"}
    assert kills.keys() | UNTRIED.keys() == STAGES.keys()
    assert min(kills.values()) >= 1
    assert sum(kills.values()) >= LEAST_KILLS
    disks = {trial.stage for trial in found if trial.fault == "disk"}
    assert disks | UNTRIED.keys() | set(WRITES_NOTHING) == STAGES.keys()
    assert {trial.fault for trial in found} == set(FAULTS)


def test_what_is_not_tried_is_frozen_and_has_a_reason() -> None:
    assert UNTRIED.keys() == {name for name, stage in STAGES.items() if stage.get("frozen")}
    assert all(reason.startswith("frozen: ") for reason in UNTRIED.values())


def test_a_stage_that_writes_nothing_has_no_results() -> None:
    silent = {n for n, s in STAGES.items() if not {"outs", "metrics"} & s.keys()}
    assert silent == set(WRITES_NOTHING)


def test_a_stage_that_has_not_run_is_an_error(finished: Path) -> None:
    lock = yaml.safe_load((finished / "dvc.lock").read_text())
    del lock["stages"]["overlap@0"]
    (finished / "dvc.lock").write_text(yaml.safe_dump(lock))
    with pytest.raises(LookupError, match="expected stage overlap, which has not run"):
        runs(finished)


def test_the_smallest_study_has_a_scan_with_a_pathology() -> None:
    assert smallest_params()["phantom"]["pathology"]["heads"] == 1


def bench_of(root: Path, script: str) -> tuple[Bench, Run]:
    """Return a study with one stage, a script that writes `out`, and a finished copy."""
    for name in ("finished", "bench"):
        (root / name).mkdir()
        (root / name / "out").write_text("whole")
    return Bench(root / "bench", root / "finished"), Run(
        "one", ("python", "-c", script), ((Path("out")),)
    )


SLOW = (
    "import os, pathlib\nwhile sum(os.times()[:2]) < {}: pass\npathlib.Path('out').write_text('{}')"
)


def test_a_kill_that_comes_too_late_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "TRIES", 2)
    bench, job = bench_of(tmp_path, SLOW.format(0, "whole"))
    (late,) = trials.kills(bench, job, random.Random(0), 3, 1e6)
    assert (late.fault, late.note) == ("never killed", "ended before its kill 2 times")


def test_a_killed_stage_is_run_again_and_judged(tmp_path: Path) -> None:
    bench, job = bench_of(tmp_path, SLOW.format(0.5, "whole"))
    first, second = trials.kills(bench, job, random.Random(0), 2, 0.3)
    for outcome in (first, second):
        assert outcome.fault == "killed"
        assert not (outcome.lost or outcome.wrong or outcome.untold)
    other = Run("one", ("python", "-c", SLOW.format(0.5, "other")), job.outs)
    (wrong,) = trials.kills(bench, other, random.Random(0), 1, 0.3)
    assert wrong.wrong
    bench.restore(job)
    assert bench.whole(job)
    broken = Run("one", ("python", "-c", SLOW.format(0.5, "whole") + "\nexit(3)"), job.outs)
    (lost,) = trials.kills(bench, broken, random.Random(0), 1, 0.3)
    assert lost.lost


def test_a_defect_of_a_trial_is_counted_and_spoils_no_other(tmp_path: Path) -> None:
    def breaking(_: Bench) -> list[Outcome]:
        raise ValueError("no such thing")

    trial = Trial("disk", "mask", 1, breaking)
    (outcome,) = made(trial, Bench(tmp_path, tmp_path))
    assert (outcome.fault, outcome.stage, outcome.lost) == ("not made", "mask", True)
    assert "no such thing" in outcome.note


def test_the_table_names_stages_once_and_adds_up() -> None:
    stages = ["code", "check", "mask", "noise", "report", "cards"]
    outcomes = [Outcome("killed", stage) for stage in stages for _ in range(2)]
    outcomes += [Outcome("killed", "mask", lost=True)]
    outcomes += [Outcome("disk full", stage) for stage in stages if stage != "check"]
    outcomes += [Outcome("no memory", "train-unet", untold=True, wrong=True)]
    lines = table(outcomes)
    kills = "3 each: mask; 5 stages, 2 each: code, check, noise, report, cards"
    named = "process group killed (SIGKILL) at a random moment"
    assert lines[2] == f"| {named} | {kills} | 13 | 1 | 0 | 0 |"
    assert lines[3] == "| disk full | the same without check | 5 | 0 | 0 | 0 |"
    assert lines[4].endswith("| train-unet | 1 | 0 | 1 | 1 |")
    assert lines[5:] == ["| all |  | 19 | 1 | 1 | 1 |"]
    assert Counter(line.count("|") for line in lines) == {7: len(lines)}
