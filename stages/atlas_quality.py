"""Judge the atlas as the bundled segmentation network is judged: phantoms, and real heads.

`python -m stages.atlas_quality`, a frozen stage whose result is in Git. Writes
metrics/atlas-quality/atlas.json, of held-out phantoms, and atlas_maps.json, of scans simulated from
the real label maps, each measured by an atlas that has not seen it; null where the atlas is of
digital phantoms alone.
"""

from functools import cache
from pathlib import Path

from stages.machine.entry import entry_point
from stages.params.atlas import AtlasParams
from stages.params.compute import ComputeParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE, open_segmenter
from stages.segmenters.atlas.fitting import AtlasSegmenter
from stages.segmenters.atlas.priors import atlas_of, map_files
from stages.segmenters.atlas.probabilities import save
from stages.segmenters.atlas.unseen_maps import fold
from stages.segmenters.held_out import scan_head, scan_map
from stages.segmenters.judgement import Judgement, judge, judge_all, summarise
from stages.storage.files import write_json
from stages.study import layout


@cache
def atlas(path: Path) -> AtlasSegmenter:
    """Return an atlas, read once in a process."""
    return open_segmenter(str(path))


def judge_atlas(params: QualityParams, number: int) -> Judgement:
    """Return the judgement of the atlas on one phantom."""
    return judge(params, atlas(ATLAS_FILE), scan_head(params, number))


def judge_map(params: QualityParams, number: int) -> Judgement:
    """Return the judgement on one map of the atlas that has not seen it."""
    whole = AtlasParams.load()
    own = atlas(layout.atlas_fold(number % whole.quality.folds))
    return judge(params, own, scan_map(params, map_files(whole)[number], number))


@entry_point
def main() -> None:
    """Build the atlases without a part of the maps; write the metrics."""
    whole, workers = AtlasParams.load(), ComputeParams.load().workers
    counts = whole.quality.model_dump(exclude={"folds"})
    params = SegmenterParams.load().quality.model_copy(update=counts)
    found, maps = None, map_files(whole)
    for number in range(whole.quality.folds if maps else 0):
        save(layout.atlas_fold(number), atlas_of(fold(whole, number)))
    if maps:
        judged = judge_all(judge_map, params, len(maps), workers)
        found = summarise(judged) | {"n_folds": whole.quality.folds}
    phantoms = judge_all(judge_atlas, params, params.n_phantoms, workers)
    write_json(layout.metric("atlas-quality", "atlas"), summarise(phantoms))
    write_json(layout.metric("atlas-quality", "atlas_maps"), found)


if __name__ == "__main__":
    main()
