"""A system without room for semaphores is one line that says what to do."""

import errno
import os
from pathlib import Path

import pytest

from stages.machine import processes
from stages.storage.files import atomic_directory
from stages.study.errors import StudyError


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
