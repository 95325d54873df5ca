"""Build the atlas of segment.method `atlas` from label maps: weights/atlas.npz.

`python -m stages.atlas`; a frozen stage, its result is in Git. It always runs on one
CPU thread.
"""

from stages.machine.entry import entry_point
from stages.params.atlas import AtlasParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.atlas.priors import atlas_of
from stages.segmenters.atlas.probabilities import save


@entry_point
def main() -> None:
    """Average the heads and write the atlas."""
    save(ATLAS_FILE, atlas_of(AtlasParams.load()))


if __name__ == "__main__":
    main()
