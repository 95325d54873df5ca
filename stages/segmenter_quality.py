"""Judge the bundled segmentation network on held-out phantoms, healthy and with diseases.

`python -m stages.segmenter_quality` writes metrics/segmenter-quality/segmenter.json and
diseases.json; all that it depends on is in Git, so a clone need not run it. On real heads it is
judged by `stages.segmenter_folds`.
"""

from functools import cache

import torch

from stages.anatomy.diseases.catalogue import DISEASES
from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.segmenters.held_out import scan_head, scan_ill
from stages.segmenters.judgement import Judgement, judge, judge_all, judge_once, summarise
from stages.segmenters.synthseg.anatomies import plan_of
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import EMBEDDED, open_segmenter
from stages.storage.files import write_json
from stages.study import layout


@cache
def embedded() -> NetworkSegmenter:
    """Return the bundled segmentation network, read once in a process, on one thread."""
    torch.set_num_threads(1)
    return open_segmenter(EMBEDDED, "standard", torch.device("cpu"), fast=False)


def judge_embedded(params: QualityParams, number: int) -> Judgement:
    """Return the judgement of the bundled segmentation network on one phantom."""
    return judge(params, embedded(), scan_head(params, number))


def judge_ill(params: SegmenterParams, number: int) -> Judgement:
    """Return the judgement of the network on one phantom with a disease, kind after kind."""
    kind, head = divmod(number, params.quality.n_ill)
    plan = plan_of(params.anatomies.diseases)
    phantom = scan_ill(params.quality, head, tuple(DISEASES)[kind], plan)
    return judge_once(params.quality, embedded(), phantom)


def judge_phantom(params: SegmenterParams, number: int) -> Judgement:
    """Return the judgement of the network on one phantom, those without a disease first."""
    n_healthy = params.quality.n_phantoms
    if number < n_healthy:
        return judge_embedded(params.quality, number)
    return judge_ill(params, number - n_healthy)


@entry_point
def main() -> None:
    """Write the metrics."""
    recipe, workers = SegmenterParams.load(), ComputeParams.load().workers
    params = recipe.quality
    n_scans = params.n_phantoms + params.n_ill * len(DISEASES)
    judged = judge_all(judge_phantom, recipe, n_scans, workers)
    healthy, ill = judged[: params.n_phantoms], judged[params.n_phantoms :]
    write_json(layout.metric("segmenter-quality", "segmenter"), summarise(healthy))
    parts = {
        kind: summarise(ill[k * params.n_ill : (k + 1) * params.n_ill])
        for k, kind in enumerate(DISEASES)
    }
    write_json(layout.metric("segmenter-quality", "diseases"), parts)


if __name__ == "__main__":
    main()
