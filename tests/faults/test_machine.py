"""What the machine lacks (room, permission, memory, a worker) is one line that says what to do."""

import errno
import fcntl
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.figures.kit.style import new_figure, save
from stages.kspace.formats.catalogue import write_scan
from stages.machine.entry import entry_point
from stages.recon.learned import member
from stages.recon.learned.resume import Checkpoints
from stages.storage.files import PARTIAL, atomic_directory, atomic_path, write_json
from stages.storage.nifti import save_volume
from stages.storage.tables import write_tables
from stages.study.errors import line_of
from tests.fabricated import ROOT
from tests.faults import disks
from tests.faults.killing import die
from tests.faults.study import digest, left_over
from tests.scans import run, write_toy_params, write_toy_study

NOISE = np.random.default_rng(0).random((40, 40, 40))


def write_figure(path: Path) -> None:
    """Draw noise."""
    figure = new_figure(4, 4)
    figure.add_subplot().imshow(NOISE[0])
    save(figure, path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "scan.h5": lambda path: write_scan(path, NOISE[:, None].astype(np.complex64)),
    "image.nii.gz": lambda path: save_volume(path, NOISE, np.eye(4)),
    "figure.png": write_figure,
    "metric.json": lambda path: write_json(path, NOISE[0].tolist()),
    "tables": lambda path: write_tables(path, {"noise": pd.DataFrame(NOISE[0])}),
}


def line_and_code(
    call: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> tuple[str, int | None]:
    """Return what a script that does this prints on stderr, and its exit code."""
    with pytest.raises(SystemExit) as caught:
        entry_point(call)()
    return capsys.readouterr().err, caught.value.code


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MB."""
    if not disks.mountable():
        pytest.skip("mounting a disk is not permitted here")
    with disks.disk(tmp_path, 4 << 20):
        yield tmp_path


@pytest.mark.parametrize("free_pages", [0, 1])
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(
    name: str, free_pages: int, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    final = small / name
    filler = disks.fill(small, free_pages)
    line, code = line_and_code(lambda: WRITERS[name](final), capsys)
    assert code == 1
    assert line.startswith(f"error: {final}")
    assert "'No space left on device'" in line
    assert line.endswith(
        "nothing partial is kept under that name: free some room there and run again\n"
    )
    assert list(small.iterdir()) == [filler]
    filler.unlink()
    WRITERS[name](final)
    once = digest(final)
    WRITERS[name](final)
    assert digest(final) == once


@pytest.mark.parametrize("name", WRITERS)
def test_a_read_only_disk(name: str, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    final = small / name
    WRITERS[name](final)
    whole = digest(final)
    with disks.read_only(small):
        line, code = line_and_code(lambda: WRITERS[name](final), capsys)
        assert digest(final) == whole
    assert code == 1
    assert line.startswith(f"error: {final}: expected to write and read there")
    assert line.endswith("make that place writable and run again\n")


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size: what a full disk does, where mounting is not permitted."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["image.nii.gz", "figure.png", "metric.json", "tables"])
def test_a_file_that_may_not_grow(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    final = tmp_path / name
    with largest_file(512):
        line, code = line_and_code(lambda: WRITERS[name](final), capsys)
    assert (code, "'File too large'" in line) == (1, True)
    assert line.startswith(f"error: {final}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("relative", [True, False])
def test_the_error_of_a_nested_file_bears_its_final_name(
    relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    final = Path("work/out") if relative else tmp_path / "work/out"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(OSError, match="No space left") as caught,
        atomic_directory(final) as folder,
        atomic_path(folder / "sub" / "a.json"),
    ):
        raise full
    assert caught.value.filename == str(final / "sub" / "a.json")
    again = pickle.loads(pickle.dumps(caught.value))  # as a worker process hands it over
    assert line_of(again) == line_of(caught.value)
    assert list((tmp_path / "work").iterdir()) == []


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(PermissionError) as caught, atomic_path(tmp_path / "a.json"):
        raise PermissionError(errno.EACCES, "denied", "/data/scan.h5")
    assert caught.value.filename == "/data/scan.h5"
    with pytest.raises(FileNotFoundError) as missing, atomic_path(tmp_path / "a.json"):
        raise FileNotFoundError(errno.ENOENT, "none")
    assert missing.value.filename is None
    assert line_of(missing.value) is None


def test_what_the_dead_have_left_goes_and_what_the_living_write_stays(tmp_path: Path) -> None:
    dead, living, other = (
        tmp_path / f"{PARTIAL}{name}"
        for name in ("a.json-abcdefgh", "a.json-12345678", "b.json-abcdefgh")
    )
    for folder in (dead, living, other):
        folder.mkdir()
        (folder / "half").write_text("half")
    handle = os.open(living, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        write_json(tmp_path / "a.json", 1)
    finally:
        os.close(handle)
    assert left_over(tmp_path / "a.json") == [living]
    write_json(tmp_path / "a.json", 2)
    assert left_over(tmp_path / "a.json") == []
    assert left_over(tmp_path / "b.json") == [other]


def test_a_worker_that_was_killed(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            pool.submit(die).result()

    line, code = line_and_code(work, capsys)
    assert code == 1
    assert line.startswith("error: a worker process was killed")
    assert "lower compute.workers" in line


@pytest.mark.parametrize(
    "ask",
    [
        lambda: np.empty(1 << 55, np.uint8),
        lambda: torch.empty(1 << 55, dtype=torch.uint8),
        lambda: bytearray(1 << 60),
    ],
)
def test_memory_that_is_not_there(ask: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    line, code = line_and_code(ask, capsys)
    assert code == 1
    assert line.startswith("error: memory: expected enough of it, got '")
    assert line.endswith("or give it more memory and run again\n")
    assert line.count("\n") == 1


HUNGRY = """
import resource, sys
import numpy as np
from stages.machine.entry import entry_point
held = int(sys.argv[1]) << 20
size = next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmSize'))
resource.setrlimit(resource.RLIMIT_AS, ((size << 10) + held, -1))
entry_point(lambda: print(np.linalg.det(np.ones((300, 300)))))()
"""


@pytest.mark.parametrize("megabytes", [8, 40, 64])
def test_openblas_gets_its_memory_or_none_is_asked_for(megabytes: int) -> None:
    command = [sys.executable, "-c", HUNGRY, str(megabytes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if megabytes == 64:
        assert (done.returncode, done.stdout, done.stderr) == (0, "0.0\n", "")
    else:
        assert done.returncode == 1
        assert done.stderr.startswith("error: memory: expected enough of it, got 'less than 48 MB")
        assert done.stderr.count("\n") == 1


def test_other_runtime_errors_keep_their_traceback() -> None:
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        entry_point(lambda: torch.ones(2) @ torch.ones(3))()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory: a tiny study with masks."""
    monkeypatch.chdir(tmp_path)
    write_toy_study(tmp_path)
    write_toy_params(tmp_path, **{"compute.checkpoint_minutes": 0.0})
    run("mask")
    yield tmp_path
    torch.set_deterministic_debug_mode("default")


def test_memory_that_ends_during_training(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", "unet", 0)
    whole = digest(Path("work/training/unet/0"))
    offer, asked = Checkpoints.offer, []

    def hungry(self: Checkpoints, step: int, state: Callable) -> None:
        offer(self, step, state)
        asked.append(step)
        if step == 2:
            torch.empty(1 << 55, dtype=torch.uint8)

    monkeypatch.setattr(member.Checkpoints, "offer", hungry)
    with pytest.raises(SystemExit) as caught:
        run("train", "unet", 0)
    line = capsys.readouterr().err.splitlines()[-1]
    assert caught.value.code == 1
    assert line.startswith("error: memory: expected enough of it")
    assert "the checkpoint of step 2 is kept: lower train.unet.batch_size" in line
    run("train", "unet", 0)
    assert asked == [1, 2, 3, 4]
    assert digest(Path("work/training/unet/0")) == whole


def test_a_clock_that_jumps_changes_no_byte(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {"reference": (), "inspect": (), "train": ("rim", 0)}
    for name, arguments in scripts.items():
        run(name, *arguments)
    before = digest(study / "work")
    real, jumps = time.time, cycle([0, -86400, 7 * 86400])
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    for path in (study / "work").rglob("*"):
        os.utime(path, (real() + 86400,) * 2)  # files of the future
    for name, arguments in scripts.items():
        run(name, *arguments)
    assert digest(study / "work") == before
