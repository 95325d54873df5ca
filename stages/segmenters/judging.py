"""Judging a segmenter on fresh heads, some of them at a time."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from stages.machine.progress import progress
from stages.params.segmenter import QualityParams
from stages.segmenters.judgement import Judgement

Judge = Callable[[QualityParams, int], Judgement]


def judge_all(judge: Judge, params: QualityParams, n_processes: int) -> list[Judgement]:
    """Judge all heads; the results do not depend on how many at a time.

    Args:
        judge: a function of a module, called with `params` and the number of a head.
    """
    numbers = range(params.n_phantoms)
    bar = progress(desc="segmenter quality", total=len(numbers), unit="head")
    if n_processes == 1:
        results = []
        for number in numbers:
            results.append(judge(params, number))
            bar.update()
        return results
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, mp_context=start) as pool, bar:
        futures = [pool.submit(judge, params, number) for number in numbers]
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return [future.result() for future in futures]
