"""The parts of a long benchmark, each in a process of its own."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.benchmarks.parts import READY, Part, run_parts


def well(_: object) -> Iterator:
    yield READY
    yield "first", {"value": 1}


def broken(_: object) -> Iterator:
    yield READY
    yield "before", {"value": 2}
    raise ValueError("of\n two lines")


def endless(_: object) -> Iterator:
    yield READY
    yield "before", {"value": 3}
    time.sleep(600)


def killed(_: object) -> Iterator:
    yield READY
    os._exit(3)


@pytest.mark.slow
def test_a_part_that_fails_takes_nothing_from_the_others() -> None:
    functions = [broken, killed, endless, well]
    parts = [Part(f.__name__, f, 8.0 * (f is well)) for f in functions]
    rows = []
    began = time.perf_counter()
    run_parts(parts, None, 20.0, lambda *row: rows.append(row))
    assert time.perf_counter() - began < 60  # not the ten minutes of the endless one
    assert rows == [
        ("broken", "before", {"value": 2}),
        ("broken", "", {"error": "ValueError: of two lines"}),
        ("killed", "", {"error": "the process ended with exit code 3"}),
        ("endless", "before", {"value": 3}),
        ("endless", "", {"error": "stopped: its time was over"}),
        ("well", "first", {"value": 1}),
    ]
