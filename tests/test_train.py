"""The script of training: killed at any moment, changed in between, out of room, adopted."""

import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from tqdm import tqdm

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import ScanFormat
from stages.recon.learned import member, resume
from stages.recon.learned.checkpoints import load_member
from stages.storage.files import md5, read_json
from stages.storage.nifti import subject
from stages.study import layout
from tests import scans
from tests.scans import N_COILS, PARTIAL_FOURIER, ROOT, write_toy_params, write_toy_study

MEMBER = layout.training("unet", 0)
CHECKPOINTS = layout.checkpoints("unet", 0)
STEPS = 8
EVERY_STEP = {"compute.checkpoint_minutes": 0.0, "train.unet.steps": STEPS}
N_KILLS = 6


def run(*arguments: object, script: str = "train") -> None:
    """Run a script, the training's unless another is named."""
    scans.run(script, *arguments)


def fails(capsys: pytest.CaptureFixture) -> str:
    """Run a training that must fail with one line, and return the line."""
    with pytest.raises(SystemExit):
        run("unet", 0)
    return capsys.readouterr().err.strip().splitlines()[-1]


def outputs() -> dict[str, bytes]:
    """Return the files of the member."""
    return {path.name: path.read_bytes() for path in sorted(MEMBER.iterdir())}


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tiny study with masks; what the scripts set up for the process is undone."""
    n_threads = torch.get_num_threads()
    write_toy_study(tmp_path)
    write_toy_params(tmp_path, **EVERY_STEP)
    monkeypatch.chdir(tmp_path)
    run(script="mask")
    yield tmp_path
    torch.set_num_threads(n_threads)
    torch.set_deterministic_debug_mode("default")


class Counter:
    """Count the calls of Python functions from the first step on, and die at one of them."""

    def __init__(self, last: float = float("inf")) -> None:
        self.calls, self.last = 0, last

    def __call__(self, frame: object, event: str, argument: object) -> None:
        """Be called by the interpreter."""
        self.calls += event == "call"
        if self.calls >= self.last:
            die()


def die(*_: object) -> None:
    """Kill this process as nothing can be caught."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(folder: Path, moment: str, value: float) -> None:
    """Train in a process of its own, which dies at a moment."""
    os.chdir(folder)
    sys.stderr = open("stderr.txt", "a", buffering=1)  # noqa: SIM115
    counter, steps = Counter(value if moment == "call" else float("inf")), member.train

    def counted(*arguments: object, **options: object) -> None:
        sys.setprofile(counter)
        steps(*arguments, **options)

    member.train = counted
    if moment != "call":
        MOMENTS[moment](value)
    run("unet", 0)
    sys.setprofile(None)
    Path("calls.txt").write_text(str(counter.calls))


def at_the(n: float, function: Callable, *, before: bool) -> Callable:
    """Return a function that dies at its n-th call, before or after it has done its work."""
    calls = []

    def dying(*arguments: object) -> object:
        calls.append(1)
        if before and len(calls) == n:
            die()
        result = function(*arguments)
        if len(calls) == n:
            die()
        return result

    return dying


def torn(n: float) -> None:
    """Die when half of a checkpoint is written."""
    whole = resume.serialised
    calls = []

    def half(content: dict) -> memoryview:
        calls.append(1)
        if len(calls) < n:
            return whole(content)
        part = whole(content)
        resume.os.fsync = die
        return part[: len(part) // 2]

    resume.serialised = half


def unsynced(n: float) -> None:
    """Die when the content is written and not yet on the disk; two calls a file."""
    resume.os.fsync = at_the(n, os.fsync, before=True)


def renamed(n: float) -> None:
    """Die when a checkpoint has its name, before older ones go; two calls a file."""
    resume.os.fsync = at_the(n, os.fsync, before=False)


def saved(n: float) -> None:
    """Die when the member is saved and its checkpoints are still there."""
    member.Checkpoints.remove = die


MOMENTS = {"torn": torn, "unsynced": unsynced, "renamed": renamed, "saved": saved}


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    """Processes that begin with everything imported."""
    forkserver.set_forkserver_preload(
        ["tests.test_train", "direct.nn.unet.unet_engine", "direct.data.lr_scheduler"]
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    return multiprocessing.get_context("forkserver")


@pytest.fixture
def child(processes: multiprocessing.context.BaseContext, study: Path) -> Callable[..., int]:
    """Run `in_a_process` and return its exit code."""

    def call(moment: str = "call", value: float = float("inf")) -> int:
        process = processes.Process(target=in_a_process, args=(study, moment, value))
        process.start()
        process.join()
        return process.exitcode

    return call


def test_killed_at_random_it_ends_where_it_would_have_ended(child: Callable[..., int]) -> None:
    assert child() == 0
    whole, n_calls = outputs(), int(Path("calls.txt").read_text())
    assert not CHECKPOINTS.exists()
    shutil.rmtree(MEMBER)
    generator = random.Random(0)
    for _ in range(N_KILLS):  # each comes a sixth further on average
        assert child("call", generator.uniform(0, n_calls / N_KILLS * 2)) == -signal.SIGKILL
        assert not MEMBER.exists()
    assert child() == 0
    assert outputs() == whole
    assert not CHECKPOINTS.exists()
    assert Path("stderr.txt").read_text().count("training goes on after step") >= N_KILLS / 2


# files are written in the order: checkpoint 1, snapshot 2, checkpoint 2, checkpoint 3, ...
@pytest.mark.parametrize(
    ("moment", "value", "last"),
    [
        ("torn", 3, 2),
        ("unsynced", 3, 1),  # a snapshot
        ("unsynced", 7, 2),  # a checkpoint
        ("renamed", 4, 1),
        ("renamed", 8, 3),
        ("saved", 1, STEPS),
    ],
)
def test_killed_while_it_writes(
    moment: str, value: int, last: int, child: Callable[..., int]
) -> None:
    run("unet", 0)
    whole = outputs()
    assert child(moment, value) == -signal.SIGKILL
    assert f"step-{last:08d}.pt" in {p.name for p in next(CHECKPOINTS.iterdir()).iterdir()}
    assert child() == 0
    assert outputs() == whole
    assert not CHECKPOINTS.exists()
    assert f"training goes on after step {last} of {STEPS}" in Path("stderr.txt").read_text()


def test_a_cyclic_training_is_kept_at_the_ends_of_its_cycles(
    child: Callable[..., int], study: Path
) -> None:
    cyclic = {"kind": "cyclic", "warmup_steps": 1, "cycles": 2}
    changes = {"train.unet.schedule": cyclic, "train.unet.snapshot_interval": STEPS // 2}
    write_toy_params(study, **EVERY_STEP, **changes)
    run("unet", 0)
    whole = outputs()
    assert [*layout.snapshots(MEMBER)] == [STEPS // 2, STEPS]
    # five checkpoints and a snapshot are on the disk
    assert child("renamed", 2 * (STEPS // 2 + 2)) == -signal.SIGKILL
    assert child() == 0
    assert outputs() == whole
    run("unet", 0, script="select")
    kept = read_json(layout.model("unet", 0) / layout.CONFIGURATION)
    assert kept["train"]["schedule"]["cycles"] == 2


def test_a_changed_study_starts_afresh(
    child: Callable[..., int], study: Path, capsys: pytest.CaptureFixture
) -> None:
    assert child("renamed", 4) == -signal.SIGKILL
    before = {path.name for path in CHECKPOINTS.iterdir()}
    changed = EVERY_STEP | {"train.unet.learning_rate": 0.001}
    write_toy_params(study, **changed)
    run("unet", 0)
    afresh = outputs()
    assert "goes on" not in capsys.readouterr().err
    run("unet", 0)
    assert outputs() == afresh
    assert len(before) == 1
    assert not CHECKPOINTS.exists()


def test_everything_that_changes_a_training_changes_its_key(study: Path) -> None:
    scans = list_scans(Path("data/train"), ScanFormat(N_COILS, PARTIAL_FOURIER))
    configuration = {"seed": 0, "architecture": "unet"}

    def key(**changes: object) -> str:
        return resume.key(member.fingerprint(configuration | changes, scans))

    keys = [key(), key(seed=1), key(architecture="rim")]
    scans[0].path.touch()
    keys.append(key())
    layout.mask(subject(scans[1].path), layout.TRAIN).write_bytes(b"another mask")
    keys.append(key())
    layout.CODE.mkdir(parents=True)
    for digest in ("a", "b"):
        (layout.CODE / "train.json").write_text(f'{{"stages/train.py": "{digest}"}}')
        keys.append(key())
    scans[1].path.rename("data/train/other.h5")
    layout.mask("sub-other", layout.TRAIN).write_bytes(b"another mask")
    scans = list_scans(Path("data/train"), ScanFormat(N_COILS, PARTIAL_FOURIER))
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == key()


def test_reading_and_training_share_a_bar(study: Path, bars: list[tqdm]) -> None:
    run("unet", 0)
    (bar,) = bars
    assert (bar.n, bar.total, bar.unit) == (STEPS, STEPS, "step")


def test_the_member_does_not_depend_on_where_k_space_is_kept(study: Path) -> None:
    found = []
    for place in ("auto", "device", "host", "none"):
        write_toy_params(study, **EVERY_STEP, **{"compute.cache": place})
        run("unet", 0)
        found.append(outputs())
    assert found[1:] == found[:-1]


def test_a_disk_without_room_for_a_snapshot(study: Path, capsys: pytest.CaptureFixture) -> None:
    write_toy_params(study, **{"compute.checkpoint_minutes": 10.0})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        line = fails(capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line.startswith(f"error: {CHECKPOINTS}/")
    assert "/snapshots: expected room for 0." in line
    remedy = "raise the limit of a file's size (`ulimit -f`) and run again"
    assert line.endswith(f"got 'File too large'; no checkpoint is kept: {remedy}")
    assert not MEMBER.exists()


def test_a_damaged_slice_is_one_line_wherever_it_is_kept(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    damaged = sorted(Path("data/train").iterdir())[0]
    with h5py.File(damaged, "r+") as file:
        file["kspace"][4, 3, 2, 1] = np.nan
    lines = []
    for place in ("host", "none"):
        write_toy_params(study, **EVERY_STEP, **{"compute.cache": place})
        lines.append(fails(capsys))
        assert not MEMBER.exists()
    assert lines[0].startswith(f"error: {damaged}: expected finite k-space")
    assert len(set(lines)) == 1


def test_an_adopted_member_has_no_curves(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("unet", 0)
    run("unet", 0, script="select")
    model = layout.model("unet", 0)
    weights = (model / "model.pt").read_bytes()
    entry = {"checkpoint": "zoo.pt", "configuration": "zoo.yaml", "md5": md5(model / "model.pt")}
    write_toy_params(study, **{"train.unet.pretrained": {3: entry}})
    engine = load_member(model, torch.device("cpu"))
    monkeypatch.setattr(member, "adopted", lambda params, seed, device: engine)
    run("unet", 3)
    run("unet", 3, script="select")
    folder = layout.model("unet", 3)
    assert (folder / "model.pt").read_bytes() == weights
    header = "step,loss,learning_rate,validation_psnr,validation_ssim,kept\n"
    assert (folder / "curves.csv").read_text() == header
    configuration = read_json(folder / "config.json")
    assert configuration["adopted"] == entry
    assert configuration["kept"] == {"rule": "last", "step": None}
    run("unet", 3, script="reconstruct")
