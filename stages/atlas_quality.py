"""Judge the atlas on held-out phantoms, as the bundled segmentation network is judged.

`python -m stages.atlas_quality` writes metrics/atlas-quality/atlas.json; all that it depends on is
in Git, so a clone need not run it.
"""

from functools import cache

from stages.machine.entry import entry_point
from stages.params.atlas import AtlasParams
from stages.params.compute import ComputeParams
from stages.params.segmenter import QualityParams, SegmenterParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE, open_segmenter
from stages.segmenters.atlas.fitting import AtlasSegmenter
from stages.segmenters.held_out import scan_head
from stages.segmenters.judgement import Judgement, judge, judge_all, summarise
from stages.storage.files import write_json
from stages.study import layout


@cache
def atlas() -> AtlasSegmenter:
    """Return the atlas of the study, read once in a process."""
    return open_segmenter(str(ATLAS_FILE))


def judge_atlas(params: QualityParams, number: int) -> Judgement:
    """Return the judgement of the atlas on one phantom."""
    return judge(params, atlas(), scan_head(params, number))


@entry_point
def main() -> None:
    """Write the metrics."""
    counts = AtlasParams.load().quality.model_dump()
    params = SegmenterParams.load().quality.model_copy(update=counts)
    workers = ComputeParams.load().workers
    judgements = judge_all(judge_atlas, params, params.n_phantoms, workers)
    write_json(layout.metric("atlas-quality", "atlas"), summarise(judgements))


if __name__ == "__main__":
    main()
