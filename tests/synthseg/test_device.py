"""Devices by name, and threads."""

from contextlib import contextmanager
from threading import Barrier, Thread

import pytest
import torch

from stages.errors import StudyError
from stages.synthseg.device import each, pick_device


@contextmanager
def threads(n):
    """Give torch another number of threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_each_call_has_one_thread_and_every_item_is_done_once(n_threads):
    found = torch.zeros(20, dtype=torch.int64)

    def task(number):
        found[number] += torch.get_num_threads()

    with threads(n_threads):
        each(task, range(20))
        assert torch.get_num_threads() == n_threads
        elsewhere = []
        thread = Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert elsewhere == [n_threads]
    assert (found == 1).all()


def test_as_many_calls_at_a_time_as_threads():
    meeting = Barrier(3, timeout=20)  # broken unless three meet
    with threads(3):
        each(lambda _: meeting.wait(), range(6))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_errors_of_a_task_are_raised(n_threads):
    def task(number):
        if number == 4:
            raise StudyError("four")

    with threads(n_threads), pytest.raises(StudyError, match="four"):
        each(task, range(9))


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(StudyError, match="no CUDA device"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    assert pick_device("cpu") == torch.device("cpu")
