"""The study's methods as text for a paper: written from the parameters, references numbered.

Every sentence holds for every configuration: it is written from what was chosen, and what the
parameters do not know stands in square brackets, to be filled in.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, percent
from stages.figures.kit.titles import title
from stages.kspace.formats.catalogue import find_scans
from stages.kspace.masks.catalogue import chosen
from stages.page.sources import versions
from stages.params import described
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.phantom import PhantomParams
from stages.params.settings import Settings
from stages.params.train import TrainParams
from stages.segmenters.catalogue import kind_of
from stages.segmenters.protocol import NO_WEIGHTS
from stages.storage.tables import read_table
from stages.study import layout
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
    "data crimes": Reference(
        "Shimron E, Tamir JI, Wang K, Lustig M. Implicit data crimes: machine learning bias arising"
        " from misuse of public data. Proceedings of the National Academy of Sciences 2022;"
        " 119(13):e2117203119",
        "https://arxiv.org/abs/2109.08237",
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
class Made:
    """What the methods state beside the parameters of images and volumes."""

    phantom: PhantomParams
    """Of simulated scans."""
    n_training: int | None
    """Training scans; None if they are not there."""
    versions: Mapping[str, str]
    """Package -> installed version."""
    from_images: bool = False
    """Whether the scans are simulated from magnitude images."""
    scans: pd.DataFrame = field(default_factory=pd.DataFrame)
    """What stage `inspect` read in each scan; no rows where it has not run."""

    @classmethod
    def load(cls, settings: Settings) -> "Made":
        """Read the study in the current directory."""
        data = settings.data
        found, _ = find_scans(layout.DATA / data.train, data.train_files, data.format)
        phantom, n_found = PhantomParams.load(), len(found) or None
        path = layout.INSPECTION / "scans.csv"
        scans = read_table(path, ["file"]) if path.is_file() else pd.DataFrame()
        return cls(phantom, n_found, versions(), layout.MAGNITUDE_IMAGES.is_file(), scans)


SOFTWARE = (
    "Python",
    "torch",
    "direct-recon",
    "numpy",
    "scipy",
    "pandas",
    "scikit-image",
    "nibabel",
)
SNR = {
    "brain_rss": "mean intensity of the brain over the standard deviation of the noise",
    "kspace_rms": "root mean square of k-space over that of the noise",
    "kspace_db": "root mean square of k-space over that of the noise, in decibels",
}


def methods(facts: Facts, settings: Settings, made: Made) -> tuple[list[str], list[Reference]]:
    """Return paragraphs with numbers of references, and the references."""
    works = Citations()
    paragraphs = [
        _scans(facts, settings, made, works),
        _networks(facts, settings, works),
        _training(facts, settings),
        _baselines(facts, settings),
        _volumes(facts, settings, works),
        _statistics(facts, works),
        software(made.versions),
    ]
    return paragraphs, works.works


def _scans(facts: Facts, settings: Settings, made: Made, works: Citations) -> str:
    data = settings.data
    training = counted(made.n_training, "training scan") if made.n_training else "training scans"
    columns = _columns(data, made.scans)
    sampled = (
        f" Partial Fourier: {columns} of the columns of k-space were acquired." if columns else ""
    )
    return (
        f"{counted(facts.n_scans, 'validation scan')} ({counted(facts.n_subjects, 'subject')}) and"
        f" {training} ({_hardware(data, made.scans)}) were"
        f" {_sequence(facts, made, works)}.{sampled} They were undersampled"
        f" {_acceleration(facts, settings.mask)} by {_masks(settings.mask)}, one mask a scan, the"
        " same for all members and steps. Coil sensitivities were estimated from the calibration"
        " region."
    )


def _hardware(data: DataParams, scans: pd.DataFrame) -> str:
    """Return coils and voxel size as stated, or else as the scans say."""
    coils = _span(scans, "n_coils", "[number of]") if data.n_coils is None else str(data.n_coils)
    sizes = [mm for mm in data.voxel_size_mm if mm is not None]
    stated = len(sizes) == len(data.voxel_size_mm)
    size = _size(sizes, 1) if stated else _sizes(scans)
    return f"{coils} receive channels, {size}"


def _columns(data: DataParams, scans: pd.DataFrame) -> str:
    """Return the part of the columns that was acquired; nothing where that is all of them."""
    if data.partial_fourier is not None:
        found = [100 * data.partial_fourier]
    elif {"acquired_columns", "n_kz"} <= {*scans.columns}:
        found = sorted({*(100 * scans["acquired_columns"] / scans["n_kz"]).round()})
    else:
        return ""
    if not found or min(found) >= 100:
        return ""
    ends = dict.fromkeys(percent(end, 0) for end in (found[0], found[-1]))
    return " to ".join(ends)


def _span(scans: pd.DataFrame, column: str, unknown: str) -> str:
    if column not in scans or scans.empty:
        return unknown
    ends = dict.fromkeys(str(int(end)) for end in (scans[column].min(), scans[column].max()))
    return " to ".join(ends)


def _sizes(scans: pd.DataFrame) -> str:
    if "voxel_size_mm" not in scans or scans.empty:
        return "[voxel size]"
    counts = scans["voxel_size_mm"].value_counts()
    return listed([_size(map(float, text.split(" x "))) for text in counts.index])


def _size(millimetres: Iterable[float], digits: int = 2) -> str:
    return " × ".join(number(mm, digits) for mm in millimetres) + " mm"


def _sequence(facts: Facts, made: Made, works: Citations) -> str:
    phantom = made.phantom
    if made.from_images:
        return (
            "simulated from T1-weighted magnitude images [source of the images]: phase, coils and"
            " noise are simulated. Magnitude images are no raw data: reconstructions of such scans"
            f" look better than those of measured ones {works.cite('data crimes')}"
        )
    if facts.simulated:
        heads = "digital phantoms" if phantom.label_maps is None else "phantoms made of label maps"
        return (
            f"simulated in the format of the Calgary-Campinas challenge {works.cite('challenge')}:"
            f" {heads}, inversion-recovery gradient echo (inversion time"
            f" {number(phantom.inversion_ms, 0)} ms, repetition time"
            f" {number(phantom.repetition_ms, 0)} ms)"
        )
    if facts.get("paper", "cohort") == "calgary-campinas":
        cited = works.cite("challenge", "dataset")
        return (
            f"taken from the Calgary-Campinas challenge {cited}: three-dimensional T1-weighted"
            " scans of presumed healthy subjects"
        )
    return "acquired with [scanner, field strength and sequence]"


def _acceleration(facts: Facts, mask: MaskParams) -> str:
    full = facts.get("masks", "acceleration", "full", "mean")
    words = f"{number(mask.acceleration, 1)}-fold"
    if mask.acceleration_of == "full":
        return f"{words} of the full matrix"
    beside = f" ({number(full, 1)}-fold of the full matrix)" if full is not None else ""
    return f"{words} within the acquired k-space{beside}"


def _masks(mask: MaskParams) -> str:
    return chosen(mask).words(mask)


def _each(settings: Settings, describe: Callable[[TrainParams], str]) -> str:
    """Return a property of all architectures: once if they share it, else with their names."""
    named: dict[str, list[str]] = {}
    for group, params in settings.train.items():
        named.setdefault(describe(params), []).append(title(group))
    if len(named) == 1:
        return next(iter(named))
    return ", ".join(f"{value} ({listed(groups)})" for value, groups in named.items())


def _networks(facts: Facts, settings: Settings, works: Citations) -> str:
    parts = []
    for group, params in settings.train.items():
        work = NETWORKS.get(params.model.split(".")[0])
        cited = f" {works.cite(work)}" if work else ""
        parts.append(
            f"{title(group)}{cited} ({counted(len(facts.members[group]), 'member')};"
            f" {params.model}, {described.network(params)})"
        )
    start = "Ensembles of" if len(parts) > 1 else "An ensemble of"
    return (
        f"{start} {listed(parts)} reconstructed single slices with the networks of DIRECT"
        f" {works.cite('direct')}. The members of one ensemble differ in their initial weights and"
        f" the order of the slices in training.{_adopted(settings)} Network that refines the coil"
        f" sensitivities: {_each(settings, described.sensitivity_network)}."
    )


def _adopted(settings: Settings) -> str:
    found = [
        f"{title(group)} {', '.join(map(str, params.pretrained))}"
        for group, params in settings.train.items()
        if params.pretrained
    ]
    if not found:
        return ""
    return f" Taken from checkpoints of DIRECT instead of being trained: members {listed(found)}."


def _training(facts: Facts, settings: Settings) -> str:
    def crop(params: TrainParams) -> str:
        first, last = params.crop_outer_slices
        return f"the first {first} and the last {last}" if first or last else "none"

    properties = {
        "slices in a batch": lambda p: str(p.batch_size),
        "steps": lambda p: f"{p.steps:,}",
        "learning rate": lambda p: described.plain(p.learning_rate),
        "schedule": described.schedule,
        "optimiser": described.optimiser,
        "largest norm of the gradient": lambda p: described.plain(p.gradient_clip),
        "losses": described.losses,
        "precision": lambda p: p.precision,
        "slices left out of training": crop,
        "slices of a batch from": lambda p: described.BATCHES[p.batches],
    }
    words = [f"{name}: {_each(settings, describe)}" for name, describe in properties.items()]
    return f"In training, {'; '.join(words)}; weights kept: {_kept(facts, settings)}."


def _kept(facts: Facts, settings: Settings) -> str:
    chosen_by = _each(settings, lambda params: described.KEPT[params.keep])
    found = {group: facts.get("training", group, "kept_step") for group in settings.train}
    steps = [
        f"{title(group)} {step['min']:,.0f} to {step['max']:,.0f}"
        for group, step in found.items()
        if step and settings.train[group].keep != "last"
    ]
    return f"those of the {chosen_by}" + (f" ({listed(steps)})" if steps else "")


def _baselines(facts: Facts, settings: Settings) -> str:
    names = listed([title(name).lower() for name in facts.ensembles.baselines])
    n = len(facts.ensembles.noise)
    return (
        f"Non-learned baseline: {names} images. Measurement noise: {counted(n, 'realisation')} of"
        " complex Gaussian noise added to the fully sampled k-space, signal-to-noise ratio"
        f" {number(settings.noise.snr, 0)} ({SNR[settings.noise.definition]})."
    )


def _volumes(facts: Facts, settings: Settings, works: Citations) -> str:
    words = kind_of(settings.segment).words(settings.segment)
    who = f"{words.text} {works.cite(*words.works)}"
    dice = facts.get(words.metrics, "dice", "mean") if words.metrics else None
    if dice is not None:
        who += f" (mean Dice {number(dice)} on held-out phantoms)"
    n = len(facts.params.structures)
    shifted = settings.segment.perturbations
    others = settings.segment.networks != NO_WEIGHTS
    again = (
        f" Every member's image was segmented {shifted.draws} times more after shifts of up to"
        f" {described.plain(shifted.shift_voxels)} voxels, the same for all images of a scan"
        f"{', by networks of other trainings in turn' if others else ''}."
        if shifted.draws
        else ""
    )
    return (
        f"Volumes of {counted(n, 'structure')} were measured by {who}, left and right summed."
        f"{again} Variability is the coefficient of variation over members; bias is the mean"
        " relative difference from the same segmenter on the fully sampled image. Voxelwise"
        " uncertainty is the standard deviation over members, in units of the median intensity of"
        f" white matter; its histograms have {settings.measure.histogram_bins} bins."
    )


def _statistics(facts: Facts, works: Citations) -> str:
    params = facts.params
    level = percent(100 * params.level, 0)
    return (
        f"As in {works.cite('paper')}, the coefficient of variation was regressed on histograms and"
        " summaries of the voxelwise standard deviation; subjects and structures were left out"
        " in turn. Prediction was tested between disjoint halves of the members, whose agreement is"
        " its noise ceiling. The size of the bias was predicted in the same way, p values of its"
        f" surrogates adjusted for the false discovery rate. {level} intervals of correlations are"
        " t intervals of Fisher's z from subjects left out in turn, of pooled ones from structures,"
        " too; others are percentiles of"
        f" {counted(params.bootstrap_draws, 'bootstrap draw')} of subjects, widened for few"
        f" subjects {works.cite('bootstrap')}. p values come from all orders of the subjects, or"
        f" from {counted(params.permutations, 'random one')} where there are more."
    )


def software(known: Mapping[str, str] | None = None) -> str:
    """Return the sentence of the software; versions are those installed unless they are given."""
    known = versions() if known is None else known
    found = [f"{name} {known[name]}" for name in SOFTWARE if name in known]
    return f"Software: {listed(found)}."
