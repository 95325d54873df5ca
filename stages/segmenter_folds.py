"""Judge the recipe of the bundled segmentation network on real heads that it has not seen.

`python -m stages.segmenter_folds`, a frozen stage whose result is in Git. The bundled network is
judged on scans simulated from the label maps that its training leaves out; for each part of the
other maps a network is trained without it, and judged on it. Scans are fully sampled, with noise,
zero-filled, reconstructed by the first member of each of the study's ensembles (which have to be
trained), at 1 mm, and in thick slices. Networks that are there
(weights/folds/*.npz, `python -m stages.segmenter K`) are not trained again. Writes
metrics/segmenter-folds/maps.json.
"""

from functools import cache
from pathlib import Path

import torch

from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.ensembles import EnsembleParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.recon.catalogue import open_network
from stages.recon.inference import Reconstruction, reconstruct_slices
from stages.segmenters.held_out import Phantom, as_image, combined, sampling, scan_map, thick
from stages.segmenters.judgement import Further, Judgement, judge, judge_all, summarise
from stages.segmenters.synthseg.folds import check_unseen, train_fold, unseen_maps, weights_of
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import open_segmenter
from stages.storage.files import write_json
from stages.study import layout

CPU = torch.device("cpu")


@cache
def network(path: Path) -> NetworkSegmenter:
    """Return a network, read once in a process, on one thread."""
    torch.set_num_threads(1)
    return open_segmenter(str(path), "standard", CPU, fast=False)


@cache
def members() -> dict[str, Reconstruction]:
    """Return the first member of every architecture, read once in a process."""
    trained = [group for group in EnsembleParams.load().all if group.kind.trained]
    return {group.name: open_network(group.name, group.members[0], CPU) for group in trained}


def reconstructed(phantom: Phantom, params: QualityParams) -> dict[str, Further]:
    """Return images of an undersampled scan by those members, slice by slice."""
    mask, shape, found = sampling(phantom, params), params.grid, {}
    for name, member in members().items():
        slices = ((k, phantom.kspace[k, None]) for k in range(shape[0]))
        image = reconstruct_slices(shape, slices, mask, member, CPU)
        found[name] = Further(as_image(image, params.voxel_size_mm), phantom.labels)
    return found


def finer(params: SegmenterParams, path: Path, number: int) -> dict[str, Further]:
    """Return a fully sampled scan of a map at 1 mm, and in thick slices."""
    fine, thickness = params.folds.fine, params.folds.fine.thickness_mm
    quality = params.quality.model_copy(update={"grid": fine.grid, "voxel_size_mm": 1.0})
    phantom = scan_map(quality, path, number)
    image, labels = thick(phantom, thickness)
    return {
        "fine": Further(as_image(combined(phantom.kspace), 1.0), phantom.labels),
        "thick_slices": Further(as_image(image, 1.0, thickness), labels),
    }


def judge_map(params: SegmenterParams, number: int) -> Judgement:
    """Return the judgement on one map of the network that has not seen it."""
    number, path, file = unseen_maps(params)[number]
    judged = network(file)
    check_unseen(params, judged.model.training, path, file)
    phantom = scan_map(params.quality, path, number)
    further = reconstructed(phantom, params.quality) | finer(params, path, number)
    return judge(params.quality, judged, phantom, further)


@entry_point
def main() -> None:
    """Train what is missing; write the metrics."""
    params = SegmenterParams.load()
    maps = unseen_maps(params)
    for number in range(params.folds.judged):
        if not weights_of(number).exists():
            train_fold(params, number)
    judgements = judge_all(judge_map, params, len(maps), ComputeParams.load().workers)
    folds = params.folds
    recipe = folds.model_dump(include={"digital", "fine"}) | {"steps": sum(folds.steps)}
    found = summarise(judgements) | recipe | {"n_folds": folds.judged}
    write_json(layout.metric("segmenter-folds", "maps"), found)


if __name__ == "__main__":
    main()
