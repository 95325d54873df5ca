"""Tasks side by side."""

from threading import Barrier, Thread
from time import sleep

import pytest
import torch

from stages.machine.parallel import each
from stages.study.errors import StudyError


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_each_call_has_one_thread_and_every_item_is_done_once(n):
    found = torch.zeros(20, dtype=torch.int64)
    before = torch.get_num_threads()

    def task(number):
        found[number] += torch.get_num_threads()

    each(task, range(20), n)
    assert (found == 1).all()
    assert torch.get_num_threads() == before
    elsewhere = []
    thread = Thread(target=lambda: elsewhere.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert elsewhere == [before]


def test_as_many_calls_at_a_time_as_asked_for():
    meeting = Barrier(3, timeout=20)  # broken unless three meet
    each(lambda _: meeting.wait(), range(6), 3)


@pytest.mark.parametrize("n", [1, 3])
def test_errors_of_a_task_are_raised_when_nothing_runs_any_more(n):
    begun, ended = [], []

    def task(number):
        begun.append(number)
        if number == 1:
            raise StudyError("one")
        sleep(0.05)
        ended.append(number)

    with pytest.raises(StudyError, match="one"):
        each(task, range(60), n)
    assert sorted(begun) == sorted([*ended, 1])
    assert len(begun) < 60


def test_no_gradients():
    weight = torch.ones(1, requires_grad=True)
    results = []
    each(lambda x: results.append(weight * x), [1.0, 2.0], 2)
    assert not any(result.requires_grad for result in results)
