"""A system without room for semaphores is one line that says what to do."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.machine import processes
from stages.storage.files import atomic_directory
from stages.study.errors import StudyError
from tests.fabricated import ROOT

PARENT = """
import os, sys
from stages.machine.processes import process_pool

if __name__ == "__main__":
    pool = process_pool(1)
    pool.submit(os.getpid).result()
    print("computed", flush=True)
    sys.stdin.read()
"""


def test_no_room_for_semaphores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("multiprocessing.synchronize._multiprocessing.SemLock", full)
    with (
        pytest.raises(StudyError, match=r"^/dev/shm: .*No space left.*compute\.workers: 1$"),
        atomic_directory(tmp_path / "phantom"),  # an error of the disk there would name this folder
    ):
        processes.process_pool(2)


def test_a_pool_computes() -> None:
    with processes.process_pool(1) as pool:
        assert pool.submit(abs, -3).result() == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, number: int) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout.readline() == b"computed\n"
        parent.send_signal(number)
        # the worker has the other end of the output, too: it closes when nobody is left
        assert parent.communicate(timeout=20) == (b"", None)
    assert parent.returncode == -number
