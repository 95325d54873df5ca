"""Reading files before their turn, in order: decompression leaves Python's lock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def ahead[Item, Result](
    task: Callable[[Item], Result], items: Iterable[Item], n: int
) -> Iterator[Result]:
    """Yield the task's result for every item, in order, while at most `n` later ones are made.

    At most `n` + 1 results are in memory: that which was yielded last and those ahead. What a task
    raises is raised at its turn; tasks that have not begun by then never do.

    Args:
        task: independent of the others; called in threads.
        items: its arguments.
        n: tasks at a time.
    """
    waiting: deque = deque()  # type: ignore[type-arg]  # of futures
    with ThreadPoolExecutor(n) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(task, item))
                if len(waiting) == n:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
