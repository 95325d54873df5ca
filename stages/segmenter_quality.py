"""Judge the bundled segmentation network on held-out phantoms.

`python -m stages.segmenter_quality` writes metrics/segmenter-quality/segmenter.json; all that it
depends on is in Git, so a clone need not run it.
"""

from functools import cache

import torch

from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.segmenters.judgement import Judgement, judge, summarise
from stages.segmenters.judging import judge_all
from stages.segmenters.synthseg.posteriors import Segmenter
from stages.segmenters.synthseg.weight_files import EMBEDDED, open_segmenter
from stages.storage.files import write_json
from stages.study import layout


@cache
def embedded() -> Segmenter:
    """Return the bundled segmentation network, read once in a process, on one thread."""
    torch.set_num_threads(1)
    return open_segmenter(EMBEDDED, "standard", torch.device("cpu"), fast=False)


def judge_embedded(params: QualityParams, number: int) -> Judgement:
    """Return the judgement of the bundled segmentation network on one phantom."""
    return judge(params, embedded(), number)


@entry_point
def main() -> None:
    """Write the metrics."""
    params = SegmenterParams.load().quality
    judgements = judge_all(judge_embedded, params, ComputeParams.load().workers)
    write_json(layout.metric("segmenter-quality", "segmenter"), summarise(judgements))


if __name__ == "__main__":
    main()
