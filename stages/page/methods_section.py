"""The study's methods as text for a paper: written from the parameters, references numbered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, percent
from stages.figures.kit.titles import title
from stages.kspace.masks.catalogue import chosen
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.noise import NoiseParams
from stages.params.segment import SegmentParams
from stages.params.train import TrainParams
from stages.segmenters.catalogue import kind_of
from stages.study.references import Reference

WORKS = {
    "paper": Reference(
        "Evaluating structural uncertainty in accelerated MRI: are voxelwise measures useful"
        " surrogates? 2025. arXiv:2503.10527",
        "https://arxiv.org/abs/2503.10527",
    ),
    "challenge": Reference(
        "Beauferris Y, Teuwen J, Karkalousos D, et al. Multi-coil MRI reconstruction challenge:"
        " assessing brain MRI reconstruction models and their generalizability to varying coil"
        " configurations. Frontiers in Neuroscience 2022; 16:919186",
        "https://doi.org/10.3389/fnins.2022.919186",
    ),
    "dataset": Reference(
        "Souza R, Lucena O, Garrafa J, et al. An open, multi-vendor, multi-field-strength brain MR"
        " dataset and analysis of publicly available skull stripping methods agreement. NeuroImage"
        " 2018; 170:482–494",
        "https://doi.org/10.1016/j.neuroimage.2017.08.021",
    ),
    "direct": Reference(
        "Yiasemis G, Moriakov N, Karkalousos D, Caan M, Teuwen J. DIRECT: Deep Image REConstruction"
        " Toolkit. Journal of Open Source Software 2022; 7(73):4278",
        "https://doi.org/10.21105/joss.04278",
    ),
    "unet": Reference(
        "Ronneberger O, Fischer P, Brox T. U-Net: convolutional networks for biomedical image"
        " segmentation. MICCAI 2015; 234–241",
        "https://doi.org/10.1007/978-3-319-24574-4_28",
    ),
    "varnet": Reference(
        "Sriram A, Zbontar J, Murrell T, et al. End-to-end variational networks for accelerated MRI"
        " reconstruction. MICCAI 2020; 64–73",
        "https://doi.org/10.1007/978-3-030-59713-9_7",
    ),
    "rim": Reference(
        "Lønning K, Putzky P, Sonke JJ, Reneman L, Caan MWA, Welling M. Recurrent inference"
        " machines for reconstructing heterogeneous MRI data. Medical Image Analysis 2019;"
        " 53:64–78",
        "https://doi.org/10.1016/j.media.2019.01.005",
    ),
    "bootstrap": Reference(
        "Hesterberg TC. What teachers should know about the bootstrap: resampling in the"
        " undergraduate statistics curriculum. The American Statistician 2015; 69(4):371–386",
        "https://doi.org/10.1080/00031305.2015.1089789",
    ),
}
# DIRECT's names of networks, less the class -> the work that describes them
NETWORKS = {"unet": "unet", "varnet": "varnet", "rim": "rim"}


@dataclass
class Citations:
    """References in the order in which they are first cited."""

    works: list[Reference] = field(default_factory=list)

    def cite(self, *cited: str | Reference) -> str:
        """Return the numbers of works in brackets, e.g. `[1, 2]`; a name is one of `WORKS`."""
        found = dict.fromkeys(WORKS[one] if isinstance(one, str) else one for one in cited)
        self.works += [work for work in found if work not in self.works]
        return f"[{', '.join(str(self.works.index(work) + 1) for work in found)}]"


@dataclass(frozen=True)
class Settings:
    """The sections of the parameters that the methods are written from."""

    data: DataParams
    mask: MaskParams
    noise: NoiseParams
    segment: SegmentParams
    train: dict[str, TrainParams]

    @classmethod
    def load(cls, groups: Sequence[str]) -> "Settings":
        """Read the sections, and that of each architecture."""
        return cls(
            DataParams.load(),
            MaskParams.load(),
            NoiseParams.load(),
            SegmentParams.load(),
            {group: TrainParams.load_architecture(group) for group in groups},
        )


def methods(facts: Facts, settings: Settings) -> tuple[list[str], list[Reference]]:
    """Return paragraphs with numbers of references, and the references."""
    works = Citations()
    paragraphs = [
        _scans(facts, settings, works),
        _networks(facts, settings, works),
        _volumes(facts, settings, works),
        _statistics(facts, works),
    ]
    return paragraphs, works.works


def _scans(facts: Facts, settings: Settings, works: Citations) -> str:
    size = " × ".join(number(mm, 1) for mm in settings.data.voxel_size_mm)
    cohort = facts.get("paper", "cohort")
    if facts.simulated:
        kind = (
            f"simulated in the format of the Calgary-Campinas challenge {works.cite('challenge')}"
        )
    elif cohort == "calgary-campinas":
        kind = f"from the Calgary-Campinas challenge {works.cite('challenge', 'dataset')}"
    else:
        kind = "acquired"
    return (
        f"{counted(facts.n_scans, 'validation scan')} ({counted(facts.n_subjects, 'subject')},"
        f" {settings.data.n_coils} coils, {size} mm) were {kind} and undersampled"
        f" {_acceleration(facts, settings.mask)} by {_masks(settings.mask)}, one mask a scan, the"
        " same for all members. Coil sensitivities were estimated from the sampled calibration"
        " lines."
    )


def _acceleration(facts: Facts, mask: MaskParams) -> str:
    full = facts.get("masks", "acceleration", "full", "mean")
    words = f"{number(mask.acceleration, 1)}-fold"
    if mask.acceleration_of == "full" or full is None:
        return words
    return f"{words} of the acquired part of k-space ({number(full, 1)}-fold of the full matrix)"


def _masks(mask: MaskParams) -> str:
    return chosen(mask).words(mask)


def _networks(facts: Facts, settings: Settings, works: Citations) -> str:
    parts = []
    for group, params in settings.train.items():
        work = NETWORKS.get(params.model.split(".")[0])
        cited = f" {works.cite(work)}" if work else ""
        n = len(facts.members[group])
        parts.append(f"{title(group)}{cited} ({counted(n, 'member')}, {params.steps:,} steps)")
    first = next(iter(settings.train.values()), None)
    losses = listed(list(first.losses)) if first else "–"
    return (
        f"Ensembles of {listed(parts)} were trained with DIRECT {works.cite('direct')}; the members"
        " of one differ in nothing but their random initialisation and the order of the slices."
        f" Losses: {losses}; optimiser: Adam. As a baseline, Gaussian noise was added to the fully"
        f" sampled k-space (signal-to-noise ratio {number(settings.noise.snr, 0)}, as"
        f" {settings.noise.definition})."
    )


def _volumes(facts: Facts, settings: Settings, works: Citations) -> str:
    words = kind_of(settings.segment).words(settings.segment)
    who = f"{words.text} {works.cite(*words.works)}"
    dice = facts.get(words.metrics, "dice", "mean") if words.metrics else None
    if dice is not None:
        who += f" (mean Dice {number(dice)} on held-out phantoms)"
    n = len(facts.params.structures)
    return (
        f"Volumes of {counted(n, 'structure')} were measured by {who}, left and right summed."
        " Variability is the coefficient of variation over members; bias is the mean relative"
        " difference from the same segmenter on the fully sampled image. Voxelwise uncertainty is"
        " the standard deviation over members, in units of the median intensity of white matter."
    )


def _statistics(facts: Facts, works: Citations) -> str:
    params = facts.params
    level = percent(100 * params.level, 0)
    return (
        f"As in {works.cite('paper')}, the coefficient of variation was regressed on histograms and"
        " summaries of the voxelwise standard deviation; subjects and structures were left out"
        " in turn, and noise ceilings estimated from split halves of the members."
        f" {level} intervals are"
        f" percentiles of {counted(params.bootstrap_draws, 'bootstrap draw')} of subjects, widened"
        f" for few subjects {works.cite('bootstrap')}; p values come from"
        f" {counted(params.permutations, 'joint permutation')} of subjects."
    )
