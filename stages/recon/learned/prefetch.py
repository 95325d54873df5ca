"""The k-space of the next steps is read and copied while the device computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import torch

DEPTH = 2  # items ahead: one that is ready and one in the making


@contextmanager
def prefetched[Item](
    items: Iterable[Item], fetch: Callable[[Item], torch.Tensor], device: torch.device
) -> Iterator[Iterator[torch.Tensor]]:
    """Yield an iterator over `fetch(item)`, called by one thread, at most `DEPTH` items ahead.

    On CUDA the thread has a stream of its own, so that its copies run beside the kernels of the
    step. What `fetch` raises is raised where its result would have been taken. The thread has ended
    when the context ends, however it ends.

    Args:
        items: what to fetch, in order.
        fetch: returns a tensor on the device.
        device: where the tensors are used.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        if device.type == "cuda":
            pairs = _ahead(iter(items), _on_own_stream(fetch, device), pool)
            yield (_arrived(tensor, event) for tensor, event in pairs)
        else:
            yield _ahead(iter(items), fetch, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead[Item, Result](
    items: Iterator[Item], fetch: Callable[[Item], Result], pool: ThreadPoolExecutor
) -> Iterator[Result]:
    waiting = deque(pool.submit(fetch, item) for item in islice(items, DEPTH))
    while waiting:
        result = waiting.popleft().result()
        waiting.extend(pool.submit(fetch, item) for item in islice(items, 1))
        yield result


def _on_own_stream[Item](
    fetch: Callable[[Item], torch.Tensor], device: torch.device
) -> Callable[[Item], tuple[torch.Tensor, torch.cuda.Event]]:
    stream = torch.cuda.Stream(device)

    def streamed(item: Item) -> tuple[torch.Tensor, torch.cuda.Event]:
        with torch.cuda.stream(stream):
            return fetch(item), stream.record_event()

    return streamed


def _arrived(tensor: torch.Tensor, event: torch.cuda.Event) -> torch.Tensor:
    current = torch.cuda.current_stream(tensor.device)
    current.wait_event(event)
    tensor.record_stream(current)  # or its memory could be given to the next copy too early
    return tensor
