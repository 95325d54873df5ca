"""Judge the recipe of the bundled segmentation network on real heads that it has not seen.

`python -m stages.segmenter_folds`, a frozen stage whose result is in Git. For each part of the
label maps a network is trained without it, and judged on scans simulated from it. Networks that are
there (work/segmenter/fold-*.npz, `python -m stages.segmenter K`) are not trained again. Writes
metrics/segmenter-folds/maps.json.
"""

from functools import cache

import torch

from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.segmenter import SegmenterParams
from stages.segmenters.held_out import scan_map
from stages.segmenters.judgement import Judgement, judge, judge_all, summarise
from stages.segmenters.synthseg.anatomies import map_files
from stages.segmenters.synthseg.folds import fold
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.trained import train_to
from stages.segmenters.synthseg.weight_files import open_segmenter
from stages.storage.files import write_json
from stages.study import layout
from stages.study.errors import StudyError


@cache
def network(number: int) -> NetworkSegmenter:
    """Return the network of a fold, read once in a process, on one thread."""
    torch.set_num_threads(1)
    path = str(layout.fold(number))
    return open_segmenter(path, "standard", torch.device("cpu"), fast=False)


def judge_map(params: SegmenterParams, number: int) -> Judgement:
    """Return the judgement on one map of the network that has not seen it."""
    path, judged = map_files(params.anatomies)[number], network(number % params.folds.n)
    if path.name not in judged.model.training["anatomies"]["left_out"]:
        file = layout.fold(number % params.folds.n)
        raise StudyError(f"{file}: expected a network that has not seen {path.name}; remove it")
    return judge(params.quality, judged, scan_map(params.quality, path, number))


@entry_point
def main() -> None:
    """Train what is missing; write the metrics."""
    params = SegmenterParams.load()
    maps = map_files(params.anatomies)
    for number in range(params.folds.n):
        if not layout.fold(number).exists():
            train_to(layout.fold(number), layout.fold(number, ".pt"), fold(params, number))
    judgements = judge_all(judge_map, params, len(maps), ComputeParams.load().workers)
    found = summarise(judgements) | {"n_folds": params.folds.n, "steps": params.folds.steps}
    write_json(layout.metric("segmenter-folds", "maps"), found)


if __name__ == "__main__":
    main()
