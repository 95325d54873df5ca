"""Every figure of the page with its caption: the one place where a figure is described.

A new figure is one entry of `FIGURES` (or of `per_architecture`): the name of its file in plots/, a
heading, what it shows for those who cannot see it, and how it is read. Counts come from the facts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stages.figures.kit.style import title
from stages.page.facts import Facts
from stages.page.phrasing import counted, listed, percent, share

ORDER = (
    "cohort",
    "figure1",
    "figure2",
    "surrogates",
    "r2",
    "figure3",
    "components",
    "calibration",
    "conformal",
    "power",
    "ensemble_size",
    "task_error",
    "overlap",
    "deformation",
    "pathology",
    "training",
)
Words = Callable[[Facts], str]


@dataclass(frozen=True)
class Captioned:
    """A figure of plots/ with its words.

    name: of the PNG; heading; alternative: what is to be seen; caption: units, n and how to read.
    """

    name: str
    heading: str
    alternative: str
    caption: str


@dataclass(frozen=True)
class Entry:
    """A figure before the facts are known."""

    heading: str
    alternative: str
    caption: Words


def captioned(facts: Facts, shown: str, n_shown: int) -> list[Captioned]:
    """Return the figures of the study in the order of the page.

    Args:
        facts: of the study.
        shown: the architecture of figure 1.
        n_shown: members of it in figure 1.
    """
    entries = FIGURES | {"figure1": figure1(shown, n_shown)}
    found = []
    for name in ORDER:
        if name == "figure3":
            found += [_written(facts, f"figure3_{g}", figure3(g)) for g in facts.groups]
        else:
            found.append(_written(facts, name, entries[name]))
    return found


def _written(facts: Facts, name: str, entry: Entry) -> Captioned:
    return Captioned(name, entry.heading, entry.alternative, entry.caption(facts))


def sample(facts: Facts) -> str:
    """Return the sizes that most figures share: scans, exams and members of each architecture."""
    members = [f"{title(g)} {len(seeds)}" for g, seeds in facts.members.items()]
    return (
        f"n = {counted(facts.n_scans, 'scan')} of {counted(facts.n_exams, 'exam')}; members:"
        f" {listed(members)}"
    )


def cells(facts: Facts) -> str:
    """Return the sizes with the number of structures, where a point is a cell of both."""
    return f"{sample(facts)}; {counted(len(facts.params.structures), 'structure')}"


def figure1(group: str, n_members: int) -> Entry:
    """Describe the figure of one ensemble on one slice."""

    def caption(facts: Facts) -> str:
        n = min(n_members, len(facts.members.get(group, ())))
        scan = next(iter(facts.exams))
        return (
            f"{counted(n, 'member')} of {title(group)} on one axial slice of {scan} (above); below"
            " the fully sampled image, the members' standard deviation in % of the median intensity"
            " of white matter, and their outlines in the colours of the titles. Where outlines"
            " part, volumes differ."
        )

    return Entry(
        f"{title(group)}: members on one slice",
        f"Slices of the members of {title(group)}, which look alike; their deviation and outlines.",
        caption,
    )


def figure3(group: str) -> Entry:
    """Describe the figure of one architecture's correlations."""

    def caption(facts: Facts) -> str:
        return (
            "Left: CV of a volume (%, logarithmic) against the mean voxelwise standard deviation in"
            " the structure (% of white matter), a point a structure of a scan. Right: Pearson's r"
            " of every statistic of the deviation with the CV; the last rows combine structures."
            f" n = {counted(facts.n_scans, 'scan')} a structure,"
            f" {counted(len(facts.members[group]), 'member')}: with so few scans an r of one"
            " structure alone says little; read the combined rows."
        )

    return Entry(
        f"{title(group)}: voxelwise deviation and variation",
        f"Scatter plot and table of correlations of {title(group)}.",
        caption,
    )


def _cohort(facts: Facts) -> str:
    kind = "true labels" if facts.simulated else "labels, where they are known"
    return (
        "Fully sampled validation scans, root sum of squares over coils, in arbitrary units of"
        f" intensity, each scaled to its own brain; outlines: {kind}. The first"
        f" {counted(min(4, facts.n_scans), 'scan')} of {facts.n_scans}. L and R, A and P: left,"
        " right, anterior, posterior."
    )


def _figure2(facts: Facts) -> str:
    return (
        "Left: coefficient of variation (CV, %) of each volume over the members; right: bias (%),"
        " mean over members against the same segmenter on the fully sampled scan. Boxes hold the"
        " middle half of the scans, the black line is the median. Dotted: published variation"
        " between repeated scans of one person. Variation left of the dotted line would hide in"
        f" ordinary repeatability. {cells(facts)}."
    )


def _surrogates(facts: Facts) -> str:
    return (
        "R² of ln CV on the logarithm of one surrogate at a time, within structures (left) and over"
        f" all (right); bars: {share(facts.params.level)} intervals from"
        f" {facts.params.bootstrap_draws} bootstrap draws of exams. Shaded: the most that a perfect"
        " predictor could reach, between two estimates. A point on the shade foretells all there is"
        f" to foretell. {cells(facts)}."
    )


def _r2(facts: Facts) -> str:
    return (
        "Above: R² of the paper's two regressions of CV on voxelwise deviation, in sample, with its"
        " controls, and its ceilings over all structures (upper rows) and within them (lower rows)."
        " Below: correlations of CV with the mean deviation, and their ceilings. Bars:"
        f" {share(facts.params.level)} intervals over exams. A predictor is of use where it passes"
        f" irrelevant predictors with an exam left out, too. {cells(facts)}."
    )


def _components(facts: Facts) -> str:
    return (
        "CV of a volume (%), divided in proportion to its square: what a member adds to every scan"
        " alike, and what it adds to one scan alone, the segmenter's own variation included. The"
        f" first part is a bias of the member and could be calibrated away. {cells(facts)}."
    )


def _calibration(facts: Facts) -> str:
    target = "true" if facts.get("calibration", "truth") else "fully sampled"
    return (
        f"Bars: share of cells (a structure of a scan) whose {target} volume has so many members"
        " below it; level bars would mean that it is one of them. Points, one a structure:"
        f" spread of the members against the error of their mean (% of the {target} volume, root"
        " mean square over scans, logarithmic). Below the diagonal the ensemble is too sure of"
        f" itself. {cells(facts)}."
    )


def _conformal(facts: Facts) -> str:
    return (
        "Share of scans whose fully sampled volume lies in its interval (left), and the interval's"
        " mean width (% of the volume, logarithmic), by method, each exam left out in turn. Dashed:"
        f" the wanted {share(1 - facts.params.alpha)}; grey: where chance puts 90 % of"
        f" calibrations. Narrow is good only where coverage is kept. {cells(facts)}."
    )


def _power(facts: Facts) -> str:
    trial = facts.params.trial
    return (
        "Left: patients that a trial of hippocampal atrophy"
        f" ({percent(trial.atrophy_percent_per_year, 2)} a year, slowed by {share(trial.slowing)},"
        f" power {share(trial.power)}, α = {trial.alpha}) needs, relative to volumes that do not"
        " vary. Right: smallest change of a volume (%) that stands out between two scans of one"
        " patient, 1.96 √2 CV, on a logarithmic axis; circles: two members reconstruct them,"
        f" diamonds: one does both. {cells(facts)}."
    )


def _ensemble_size(facts: Facts) -> str:
    return (
        "Left: median CV (%) of smaller ensembles drawn from the members (at most"
        f" {facts.params.subsets} subsets); right: standard error of one CV, in % of it, with the"
        " theory of normal volumes. Read off how many members a CV of some precision needs."
        f" {cells(facts)}."
    )


def _task_error(facts: Facts) -> str:
    return (
        "Image quality (PSNR in dB, SSIM) against how far a member's volumes are from the"
        " ensemble's mean and from the fully sampled scan (%), a point a member, mean over scans;"
        " below as ranks within each architecture. A falling line means that better images give"
        f" better volumes. {sample(facts)}."
    )


def _overlap(facts: Facts) -> str:
    return (
        "Above: Dice (0 to 1, left) and mean symmetric surface distance (mm, right) of every"
        " structure to the segmentation of the fully sampled scan; dots are medians and bars ranges"
        " over scans of the mean over members. Below: Spearman's ρ within structures of each"
        " uncertainty with 1 − Dice and with the surface distance; bars:"
        f" {share(facts.params.level)} intervals over exams. An uncertainty whose bar crosses 0"
        f" does not foretell where outlines go wrong. {cells(facts)}."
    )


def _deformation(facts: Facts) -> str:
    return (
        "Left and middle: SD and mean over the members of the apparent change of each structure"
        " (100 times the mean logarithm of the Jacobian, %) when images are registered to the fully"
        " sampled one, medians over scans; above 0 a member shows the structure larger, and noise"
        " shows the floor of the method. Right: that SD against the CV of the volume, both in %, a"
        " point a structure of a scan; dashed: equal. It needs no segmentation of the members:"
        f" where both agree, the CV is not the segmenter's alone. {cells(facts)}."
    )


def _pathology(facts: Facts) -> str:
    if facts.get("pathology", "skipped"):
        return (
            "Nothing to show: no scan of this cohort has a pathology beside its healthy twin (n ="
            f" 0 of {counted(facts.n_scans, 'scan')}); phantom.pathology.heads adds some."
        )
    return (
        "Above: fully sampled planes of one head, healthy and ill; outlines: where the disease"
        " lies. Below: measured change of volume in % of the true one (left; beyond 0 to 200 at"
        " the edge), its error against"
        " the SD of the members' changes in percentage points (middle), and error and deviation in"
        " the affected voxels relative to the healthy twin's (right). Points left of 100 % are"
        " drawn back to health; below the dashed diagonals the spread does not tell of the error."
        f" {sample(facts)}."
    )


def _training(facts: Facts) -> str:
    return (
        "Training loss (no unit), PSNR (dB) and SSIM on slices of the validation scans against the"
        f" step, a line a member. Lines that still fall are not done. {sample(facts)}."
    )


FIGURES: dict[str, Entry] = {
    "cohort": Entry(
        "The scans", "Slices of the validation scans in three planes with outlines.", _cohort
    ),
    "figure2": Entry(
        "Variation and bias",
        "Box plots of variation and bias, a row a structure and a colour a group.",
        _figure2,
    ),
    "surrogates": Entry(
        "What foretells the variation",
        "Dots with intervals, a row a surrogate and a colour an architecture.",
        _surrogates,
    ),
    "r2": Entry(
        "The paper's regressions and their controls",
        "Dots of R² with intervals, controls and ceilings.",
        _r2,
    ),
    "components": Entry(
        "Of the member, or of member and scan", "Bars of two parts, a row a structure.", _components
    ),
    "calibration": Entry(
        "Does the spread tell the error?",
        "Histograms of ranks, and a scatter plot of spread and error.",
        _calibration,
    ),
    "conformal": Entry(
        "Intervals for a volume", "Dots of coverage and width by method.", _conformal
    ),
    "power": Entry(
        "What could be seen in a patient or a trial",
        "A curve of patients over CV, and dots of detectable change.",
        _power,
    ),
    "ensemble_size": Entry(
        "How many members", "Curves over the number of members.", _ensemble_size
    ),
    "task_error": Entry(
        "Do better images give better volumes?",
        "Scatter plots of image quality and error of volumes, a point a member.",
        _task_error,
    ),
    "overlap": Entry(
        "Do outlines agree, and what foretells where not?",
        "Dots of Dice, surface distance and rank correlations, structures in rows.",
        _overlap,
    ),
    "deformation": Entry(
        "The same without segmentations: deformation",
        "Dots of deviation and mean of deformations; scatter plot against variation of volumes.",
        _deformation,
    ),
    "pathology": Entry(
        "Does the ensemble know when it is wrong about a disease?",
        "Slices of ill and healthy heads; scatter plots of measured against true changes.",
        _pathology,
    ),
    "training": Entry("Training", "Curves of loss, PSNR and SSIM over the steps.", _training),
}


def names(groups: Iterable[str]) -> list[str]:
    """Return the names of all figures that have a caption."""
    every = [name for name in ORDER if name != "figure3"]
    return [*every, *(f"figure3_{group}" for group in groups)]
