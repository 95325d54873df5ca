"""The parts of a long benchmark: each in a process of its own, within its time, whatever fails.

All processes start at once, so that their imports cost the time of one; then they compute one after
the other. A part that ends early leaves its time to the later ones, one that does not end is killed
while enough is left for them. What a part had found by then is kept.
"""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any, Literal

READY = "ready"  # yielded by a part when it has prepared what needs no device
Row = tuple[str, dict[str, Any]]  # what was measured, and its values by name
WHOLE = ""  # what was measured where an error concerns all of a part


@dataclass(frozen=True)
class Part:
    """One part: a function that yields `READY` and then rows; seconds kept free for it."""

    name: str
    rows: Callable[[Any], Iterator[Row | str]]
    reserve_s: float


def run_parts(
    parts: list[Part],
    argument: Any,
    seconds: float,
    write: Callable[[str, str, dict], None],
    method: Literal["spawn", "fork"] = "spawn",
) -> None:
    """Run every part on an argument; hand on each row as it comes, errors as rows.

    Args:
        parts: in the order in which they compute.
        argument: of each part's function.
        seconds: for all of them, the start of the processes included.
        write: called with the part's name, what was measured and its values.
        method: how processes start; `fork`, which costs no imports, only before CUDA is used.
    """
    deadline = perf_counter() + seconds
    children = [begin(part, argument, method) for part in parts]
    try:
        for number, (part, child) in enumerate(zip(parts, children, strict=True)):
            later = sum(other.reserve_s for other in parts[number + 1 :])
            for what, values in received(*child, deadline - later):
                write(part.name, what, values)
            child[0].kill()
            child[0].join()  # the device's memory is free then
    finally:
        for process, connection in children:
            process.kill()
            process.join()
            connection.close()


def begin(part: Part, argument: Any, method: str) -> tuple[Any, Connection]:
    """Start the process of a part; return it and the way to it."""
    context = get_context(method)
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, part.rows, argument))
    process.start()
    there.close()
    return process, here


def serve(connection: Connection, rows: Callable, argument: Any) -> None:
    """Send the rows of a part; wait for its turn where it is ready."""
    gc.freeze()  # what was imported stays: no collection need look through it
    try:
        for row in rows(argument):
            connection.send(row)
            if row == READY:
                connection.recv()
    except Exception as error:
        connection.send((WHOLE, failure(error)))
    connection.send(None)


def received(process: Any, connection: Connection, until: float) -> Iterator[Row]:
    """Yield the rows of a part as they come, until it ends or its time is over."""
    try:
        while connection.poll(max(0.0, until - perf_counter())):
            row = connection.recv()
            if row is None:
                return
            if row == READY:
                connection.send(READY)
            else:
                yield row
    except (EOFError, ConnectionError):
        process.join()
        yield WHOLE, {"error": f"the process ended with exit code {process.exitcode}"}
        return
    yield WHOLE, {"error": "stopped: its time was over"}


def attempt(what: str, measure: Callable[..., dict[str, Any]], *arguments: Any) -> Row:
    """Return what was measured as a row, or the error that came instead."""
    try:
        return what, measure(*arguments)
    except Exception as error:
        return what, failure(error)


def failure(error: Exception) -> dict[str, str]:
    """Return an error in one line, as the values of a row."""
    text = " ".join(str(error).split())
    return {"error": f"{type(error).__name__}: {text[:300]}"}
