"""Judge the embedded segmenter on fresh heads: metrics/segmenter.json.

`python -m stages.segmenter_quality`; all that it depends on is in Git, so a clone need not run it.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import torch

from stages import layout
from stages.errors import door
from stages.files import write_json
from stages.params.compute import ComputeParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.progress import progress
from stages.synthseg.catalogue import EMBEDDED, open_segmenter
from stages.synthseg.inference import Segmenter
from stages.synthseg.quality import Judgement, judge, summarise


@cache
def embedded() -> Segmenter:
    """The embedded segmenter, read once in a process, on one thread."""
    torch.set_num_threads(1)
    return open_segmenter(EMBEDDED, "standard", torch.device("cpu"), fast=False)


def judge_embedded(params: QualityParams, number: int) -> Judgement:
    """Judge the embedded segmenter on one head."""
    return judge(params, embedded(), number)


def judge_all(params: QualityParams, n_processes: int) -> list[Judgement]:
    """Judge all heads, some at a time; the results do not depend on how many."""
    numbers = range(params.n_phantoms)
    bar = progress(desc="segmenter quality", total=len(numbers), unit="head")
    if n_processes == 1:
        results = []
        for number in numbers:
            results.append(judge_embedded(params, number))
            bar.update()
        return results
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, mp_context=start) as pool, bar:
        futures = [pool.submit(judge_embedded, params, number) for number in numbers]
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        return [future.result() for future in futures]


@door
def main() -> None:
    """Write the metrics."""
    params = SegmenterParams.load().quality
    judgements = judge_all(params, ComputeParams.load().workers)
    write_json(layout.METRICS / "segmenter.json", summarise(judgements))


if __name__ == "__main__":
    main()
