"""Settings of the study beside the published one's and DIRECT's for the challenge.

What the paper does not state was chosen here, and the comparison says so. The same rows are the
table of docs/fidelity.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.kspace.masks.catalogue import chosen
from stages.measures.voxelwise import SUMMARIES
from stages.params import described
from stages.params.data import OF_EACH
from stages.params.described import by_architecture, of_each, plain
from stages.params.settings import Settings
from stages.segmenters.catalogue import kind_of
from stages.statistics.answer import Tree
from stages.statistics.methods.tolerances import ABSENT, EXACT, Row

NOT_STATED, CHOSEN = "not stated", "chosen"
Stated = Callable[[Tree, Sequence[str]], str]
"""From the published numbers and the architectures of this study to what the paper states."""


@dataclass(frozen=True)
class Setting:
    """One setting of the study."""

    name: str
    here: Callable[[Settings], str]
    direct: str
    """In DIRECT's configurations of the Calgary-Campinas challenge."""
    stated: Stated | None = None
    """None: the paper does not state it."""

    def row(self, paper: Tree, settings: Settings) -> Row:
        """Return the setting beside the published one; a chosen one is not judged."""
        here = self.here(settings)
        if self.stated is None:
            return Row(self.name, NOT_STATED, here, CHOSEN, None)
        reported = self.stated(paper, list(settings.train))
        return Row(self.name, reported, here, EXACT, here == reported)


def _stated(section: str, key: str) -> Stated:
    return lambda paper, _: plain(paper[section][key]["value"])


def _of_architectures(key: str) -> Stated:
    def text(paper: Tree, groups: Sequence[str]) -> str:
        known = paper["architectures"]
        return by_architecture(
            {g: plain(known[g][key]["value"]) if g in known else ABSENT for g in groups}
        )

    return text


def _each(describe: Callable[..., str]) -> Callable[[Settings], str]:
    return lambda settings: by_architecture({g: describe(p) for g, p in settings.train.items()})


def _masks(settings: Settings) -> str:
    return chosen(settings.mask).words(settings.mask)


def _coils(settings: Settings) -> str:
    return plain(settings.data.n_coils or OF_EACH)


def _voxels(settings: Settings) -> str:
    sizes = settings.data.voxel_size_mm
    return OF_EACH if None in sizes else " x ".join(plain(size) for size in sizes)


def _percentiles(_: Settings) -> str:
    return ", ".join(name for name in SUMMARIES if name[1:].isdigit())


SETTINGS = (
    Setting(
        "receive channels",
        lambda s: plain(s.data.n_coils or OF_EACH),
        "12",
        _stated("cohort", "n_coils"),
    ),
    Setting(
        "voxel size (mm)",
        _voxels,
        "1 x 1 x 1",
        lambda paper, _: " x ".join([plain(paper["cohort"]["voxel_size_mm"]["value"])] * 3),
    ),
    Setting(
        "acceleration",
        lambda s: plain(s.mask.acceleration),
        "5 or 10",
        _stated("settings", "acceleration"),
    ),
    Setting("k-space that it counts", lambda s: s.mask.acceleration_of, "the challenge's files"),
    Setting("masks", _masks, "the challenge's masks"),
    Setting(
        "masks in training",
        lambda _: "one a scan, at the same acceleration",
        "one a file, at 5 or 10",
    ),
    Setting(
        "batch size", lambda s: of_each(s.train, "batch_size"), "4", _of_architectures("batch_size")
    ),
    Setting(
        "slices in a batch are from",
        _each(lambda params: described.BATCHES[params.batches]),
        described.BATCHES["mixed"],
    ),
    Setting("steps", lambda s: of_each(s.train, "steps"), "500,000", _of_architectures("steps")),
    Setting(
        "weights kept",
        _each(lambda params: described.KEPT[params.keep]),
        "in its model zoo, step unet: 10,000; varnet: 4,000; rim: 89,000",
    ),
    Setting("learning rate", lambda s: of_each(s.train, "learning_rate"), "0.0005"),
    Setting(
        "schedule",
        _each(described.schedule),
        "factor 0.2 every 50,000 steps after 1,000 steps of warm-up",
    ),
    Setting("optimiser", _each(described.optimiser), "Adam, betas 0.9, 0.999, weight decay 0"),
    Setting("largest norm of the gradient", lambda s: of_each(s.train, "gradient_clip"), "none"),
    Setting("losses", _each(described.losses), "l1_loss + ssim_loss"),
    Setting("precision", lambda s: of_each(s.train, "precision"), ""),
    Setting(
        "slices left out of training, each end",
        lambda s: of_each(s.train, "crop_outer_slices"),
        "50, 50",
    ),
    Setting(
        "network",
        _each(described.network),
        "unet: num_filters 64, num_pool_layers 4, image_initialization SENSE; varnet: num_layers"
        " 12, regularizer_num_filters 32, regularizer_num_pull_layers 4; rim: hidden_channels 128,"
        " length 16, depth 2, image_initialization SENSE",
    ),
    Setting(
        "sensitivity network",
        _each(described.sensitivity_network),
        "U-Net, num_filters 8, num_pool_layers 4",
    ),
    Setting(
        "SNR of the noise ensemble",
        lambda s: plain(s.noise.snr),
        "",
        _stated("settings", "noise_snr"),
    ),
    Setting("definition of that SNR", lambda s: s.noise.definition, ""),
    Setting(
        "segmenter",
        lambda s: kind_of(s.segment).words(s.segment).text,
        "",
        lambda paper, _: paper["settings"]["segmenter"]["value"],
    ),
    Setting(
        "bins of the histogram",
        lambda s: plain(s.measure.histogram_bins),
        "",
        _stated("settings", "histogram_bins"),
    ),
    Setting(
        "norm of the histogram",
        lambda _: "fractions between a region's extremes; others among the readings",
        "",
    ),
    Setting("target of the regressions", lambda _: "CV; SD among the readings", ""),
    Setting("percentiles among the summaries", _percentiles, ""),
    Setting("number of structures", lambda s: plain(len(s.analyse.structures)), ""),
    Setting(
        "slices of PSNR and SSIM",
        lambda _: "all but 50 of 256 at each end, in proportion",
        "all but 50 at each end",
    ),
)


def documented(paper: Tree, default: Settings, overlay: Settings) -> list[list[str]]:
    """Return the rows of the table in docs/fidelity.md, one a setting.

    Args:
        paper: the published numbers.
        default: parameters of the default study.
        overlay: parameters with those of the paper's study laid over them.
    """
    groups = list(overlay.train)
    return [
        [
            each.name,
            each.here(default),
            each.here(overlay),
            each.stated(paper, groups) if each.stated else CHOSEN,
            each.direct or "–",
        ]
        for each in SETTINGS
    ]


def rows(paper: Tree, settings: Settings) -> list[Row]:
    """Return every setting beside the published one: stated ones first."""
    found = [setting.row(paper, settings) for setting in SETTINGS]
    return sorted(found, key=lambda row: row.tolerance == CHOSEN)
