"""The launcher on scratch studies (this machine, a real Slurm cluster), and the study's graph."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from stages.commands import launch, verify
from stages.pipeline.graph import Stage, chosen, graph_of, in_order, kind
from stages.pipeline.jobs import Jobs, Slurm
from stages.pipeline.repository import changed, read_stages, uncached
from tests.fabricated import ROOT
from tests.pipeline import scratch, slurm


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch study in the current directory."""
    folder = tmp_path / "study"
    folder.mkdir()
    monkeypatch.chdir(folder)  # by which DVC understands names
    scratch.write(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


def launched(*arguments: str) -> int:
    """Run the launcher; return its exit code."""
    try:
        launch.main(list(arguments))
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def test_local(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    (study / "broken-b").write_text("")
    assert launched("-j", "2") == 1
    done = scratch.runs(study)
    assert sorted(done) == sorted(scratch.ALL - {"join"})  # each once
    assert done.index("make") < min(done.index("each@a"), done.index("each@b"))
    assert done.index("same") < done.index("behind")
    said = capsys.readouterr()
    assert "launch: 7 of 8 stages may be out of date" in said.out
    assert "failed: each@b ended with exit code" in said.out
    assert "    no luck with b" in said.out
    assert "skipped: join, which depends on each@b" in said.out
    assert "out of date: each@b, join" in said.out
    assert said.err.splitlines()[-1].startswith("error: 5 done, 1 failed, 1 skipped; logs in .dvc")
    log = next(Path(".dvc/tmp/launch").glob("*/each@b.log"))
    assert f"its log is {log.absolute()}" in said.out
    devices = (study / "devices").read_text().split()
    assert {devices[2], devices[5]} <= {"3", "7"}

    (study / "broken-b").unlink()
    assert launched("-j", "2") == 0
    assert scratch.runs(study) == ["each@b", "join"]
    assert "launch: 2 done; data and stages are up to date" in capsys.readouterr().out
    assert (study / "joined").read_text() == "1 one\n1 one\n"

    assert launched() == 0
    assert "launch: 0 of 8 stages" in capsys.readouterr().out
    (study / "seed").write_text("1 two\n")  # its first letter stays, so `behind` need not run
    assert launched("behind") == 0
    assert scratch.runs(study) == ["same"]
    assert "1 done, 1 unchanged; data and stages are up to date" in capsys.readouterr().out


def test_results_that_the_cache_does_not_hold(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = (study / "dvc.yaml").read_text()
    losing = described.replace("cat first > last", "cat first first > last; rm -rf .dvc/cache")
    (study / "dvc.yaml").write_text(losing)
    assert launched("behind") == 1
    said = capsys.readouterr()
    assert "launch: 2 done" in said.out
    assert "got none of first, which stay where they are: make room" in said.err
    assert "`dvc commit`" in said.err
    assert launched("make") == 0
    assert uncached(study, ["make", "behind"]) == []
    assert uncached(study) == ["first"]
    next(path for path in study.glob(".dvc/cache/files/md5/*/*") if path.suffix != ".dir").unlink()
    lost = {line.split(":")[0] for line in verify.not_in_cache(study)}
    assert "first" in lost
    assert lost & {"made", "last"}
    assert verify.not_in_cache(study / "made") == []


@pytest.fixture
def in_a_terminal() -> Iterator[None]:
    """Let processes that begin here heed Ctrl-C, which jobs in the background of a shell ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_a_terminal")
def test_an_interrupted_launcher_leaves_nothing_running(study: Path) -> None:
    (study / "dvc.yaml").write_text("stages: {long: {cmd: 'echo >> runs; sleep 99', deps: [seed]}}")
    process = subprocess.Popen(
        [sys.executable, "-m", "stages", "launch"], stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while not (study / "runs").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    started = psutil.Process(process.pid).children(recursive=True)
    assert any("sleep" in child.name() for child in started)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"error: interrupted: 1 running; run again to go on" in said
    assert not psutil.wait_procs(started, timeout=5)[1]


def commands_with(word: str) -> list[str]:
    """Return the command lines of running processes that contain a word."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return [line for line in found if word in line]


@pytest.mark.skipif(slurm.missing() is not None, reason=str(slurm.missing()))
def test_slurm(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with slurm.cluster(tmp_path / "slurm") as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert launched("--cluster", "slurm", "--gres", "gpu:1", "join") == 0
        done = scratch.runs(study)
        assert done[0] == "make"
        assert sorted(done[1:3]) == ["each@a", "each@b"]
        assert done[3:] == ["join"]
        assert "5 done; data and stages are up to date" in capsys.readouterr().out
        assert (study / "devices").read_text().count(" 0\n") == 2  # Slurm's number of the GPU

        (study / "dvc.py").write_text("import time; open('began', 'w').close(); time.sleep(99)")
        jobs = Jobs(Slurm(), study / "logs")
        name = f"endless-{os.getpid()}"
        jobs.submit(Stage(name, frozenset(), None, accelerated=False))
        slurm.until((study / "began").exists, "the start of a job")
        assert commands_with(f"repro -s {name}")
        jobs.cancel()
        assert jobs.running == {}
        assert commands_with(f"repro -s {name}") == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--gres", "gpu:1"], "gres: for --cluster slurm only"),
        (["-j", "0"], "expected at least 1, got 0"),
    ],
)
def test_faulty_command_lines(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launched(*arguments) == 2
    assert expected in capsys.readouterr().err


def test_a_folder_without_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert launched() == 1
    assert "expected a study that DVC can read" in capsys.readouterr().err


def test_a_fresh_clone_runs_the_whole_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    stages = read_stages(ROOT)
    graph = graph_of(stages)
    listed = set(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    order = [name for name in in_order(graph) if name in chosen(graph, [])]
    unused = {name for name in listed if name.endswith("-draws")}  # the default has no draws
    assert {kind(name) for name in order} == listed - unused | {"data.dvc"}
    assert all(order.index(need) < order.index(name) for name in order for need in graph[name])
    assert graph["data.dvc"] == {"phantom"}
    assert graph["segmenter"] == frozenset()  # frozen: its result is in Git
    assert stages["segmenter"].command is None
    assert order.index("phantom") < order.index("data.dvc") < order.index("mask")
    assert order[-1] == "report"
    trained = {kind(name) for name, stage in stages.items() if stage.accelerated}
    assert {"train-unet", "select-varnet", "reconstruct-rim", "segment-noise"} <= trained
    assert not {"analyse", "phantom", "measure"} & trained


def test_nothing_is_written_while_a_study_is_read(study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in study.iterdir() if path.name != ".dvc"}
    assert "slow" not in changed(study)
    assert changed(study, ["make"]) == {"make"}
    after = {path: path.stat().st_mtime_ns for path in study.iterdir() if path.name != ".dvc"}
    assert after == before
