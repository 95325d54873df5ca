"""Build the atlas of segment.method `atlas` from label maps: weights/atlas.npz.

`python -m stages.atlas`; a frozen stage, its result is in Git. It always runs on one
CPU thread.
"""

from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.atlas import AtlasParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.atlas.priors import build, head_maps, shares
from stages.segmenters.atlas.probabilities import save
from stages.segmenters.synthseg.heads import palette


@entry_point
def main() -> None:
    """Average the heads and write the atlas."""
    params = AtlasParams.load()
    n_tissues = len(palette().signals)
    maps = progress(head_maps(params), desc="atlas", total=params.n_heads, unit="head")
    heads = [shares(tissues, params.voxel_size_mm, n_tissues) for tissues in maps]
    save(ATLAS_FILE, build(heads, params))


if __name__ == "__main__":
    main()
