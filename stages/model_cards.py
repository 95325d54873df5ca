"""Write a card for every model of the study: docs/cards/*.md.

`python -m stages.model_cards`: text from templates, every number from parameters, weights, metrics.
"""

from stages.cards.architecture import Study, architecture_card
from stages.cards.segmentation import atlas_card, embedded_card
from stages.cards.weights import n_parameters, segmenter_file
from stages.machine.entry import entry_point
from stages.params.atlas import AtlasParams
from stages.params.data import DataParams
from stages.params.ensembles import EnsembleParams
from stages.params.mask import MaskParams
from stages.params.segment import SegmentParams
from stages.params.segmenter import SegmenterParams
from stages.params.train import TrainParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE, weight_file
from stages.statistics.questions.training import COLUMNS, SCORES
from stages.storage.files import atomic_directory, read_json
from stages.storage.tables import read_table
from stages.study import layout

MEMBER_COLUMNS = ["group", "seed", "step"]
MATRIX_COLUMNS = ["split", "n_slices", "n_ky", "n_kz", "n_scans"]
METRICS = {"image_quality": "analyse", "masks": "mask", "paper": "analyse", "volumes": "analyse"}
"""Metrics file -> its stage."""
OPTIONAL = {
    "diseases": "segmenter-quality",
    "maps": "segmenter-folds",
    "atlas_maps": "atlas-quality",
}
"""The same, of files that a study with a network of its own need not have."""


def study() -> Study:
    """Return what all cards state."""
    metrics = {name: read_json(layout.metric(stage, name)) for name, stage in METRICS.items()}
    return Study(
        data=DataParams.load(),
        mask=MaskParams.load(),
        matrices=read_table(layout.INSPECTION / "matrices.csv", MATRIX_COLUMNS),
        cohort=metrics["paper"]["cohort"],
        metrics=metrics,
        curves=read_table(layout.table("analyse", "training"), [*MEMBER_COLUMNS, *COLUMNS]),
        kept=read_table(layout.table("analyse", "kept"), [*MEMBER_COLUMNS, *SCORES]),
    )


def architectures() -> dict[str, str]:
    """Return the card of each ensemble, by its name."""
    ensembles, common = EnsembleParams.load(), study()
    cards = {}
    for name in ensembles.architectures:
        seeds, params = ensembles.members(name), TrainParams.load_architecture(name)
        size = n_parameters(layout.member_weights(name, seeds[0]))
        cards[name] = architecture_card(name, seeds, params, size, common)
    return cards


def segmenters() -> dict[str, str]:
    """Return the card of each segmenter that comes with the study; a new one is an entry here."""
    used = weight_file(SegmentParams.load().weights).resolve()
    judged = SegmenterParams.load().quality
    quality = {"segmenter": read_json(layout.metric("segmenter-quality", "segmenter"))}
    quality["atlas"] = read_json(layout.metric("atlas-quality", "atlas"))
    for name, stage in OPTIONAL.items():
        path = layout.metric(stage, name)
        quality[name] = read_json(path) if path.exists() else None
    own = segmenter_file(EMBEDDED_FILE)
    embedded = embedded_card(own, quality, judged, used == EMBEDDED_FILE)
    atlas = atlas_card(
        segmenter_file(ATLAS_FILE),
        AtlasParams.load(),
        quality,
        judged,
        used == ATLAS_FILE.resolve(),
    )
    return {"segmenter-embedded": embedded, "segmenter-atlas": atlas}


@entry_point
def main() -> None:
    """Write all cards; those of models that are gone go, too."""
    cards = architectures() | segmenters()
    with atomic_directory(layout.CARDS) as folder:
        for name, text in cards.items():
            (folder / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
