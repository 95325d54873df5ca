"""Build the atlas of segment.method `atlas` from label maps: weights/atlas.npz.

`python -m stages.build_atlas`; a frozen stage, its result is in Git. It always runs on one
CPU thread.
"""

from stages.atlas.catalogue import ATLAS_FILE
from stages.atlas.model import save
from stages.atlas.priors import build, head_maps, shares
from stages.errors import door
from stages.params.atlas import AtlasParams
from stages.progress import progress
from stages.synthseg.heads import palette


@door
def main() -> None:
    """Average the heads and write the atlas."""
    params = AtlasParams.load()
    n_tissues = len(palette().signals)
    maps = progress(head_maps(params), desc="atlas", total=params.n_heads, unit="head")
    heads = [shares(tissues, params.voxel_size_mm, n_tissues) for tissues in maps]
    save(ATLAS_FILE, build(heads, params))


if __name__ == "__main__":
    main()
