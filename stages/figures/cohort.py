"""The cohort: three planes of several validation scans, with contours of the true labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted
from stages.figures.kit.planes import OUTLINES, outline, ras_voxel_size, three_planes, to_ras
from stages.figures.kit.study_figure import StudyFigure, from_k_space
from stages.figures.kit.style import RC, bare, new_figure
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.params.data import DataParams
from stages.storage.nifti import load_volume, subject
from stages.storage.tables import read_table
from stages.study import layout

N_SUBJECTS = 4
BRIGHTEST = 99.8  # percentile of the brain's intensities drawn in white
ROWS = ("axial", "axial, true labels", "coronal, true labels", "sagittal, true labels")


@dataclass(frozen=True)
class Picture:
    """A scan as shown: axes (right, anterior, superior)."""

    title: str
    image: np.ndarray
    labels: np.ndarray | None
    """True labels on the same grid, or None for a real scan."""
    voxel_size_mm: np.ndarray


def draw(_: Facts) -> Figure:
    """Draw the first validation scans of the study in the current directory."""
    return figure(pictures(layout.DATA, DataParams.load()))


def pictures(data_folder: Path, data: DataParams) -> list[Picture]:
    """Return the first validation scans.

    Args:
        data_folder: holds the scans and, for a simulated cohort, `truth`.
        data: format of the scans (section `data` of params.yaml).
    """
    folder = data_folder / data.validation
    scans = list_scans(folder, scan_format(data), data.validation_files)[:N_SUBJECTS]
    return [picture(scan, data_folder / "truth") for scan in scans]


def picture(scan: Scan, truth: Path) -> Picture:
    """Reconstruct a scan by root sum of squares, and read its true labels if there are any."""
    image = np.concatenate([rss_image(kspace) for _, kspace in scan.batches()])
    path = layout.true_labels(subject(scan.path), truth)
    labels = to_ras(*load_volume(path)) if path.is_file() else None
    return Picture(
        title=name_with_age(subject(scan.path), truth / "subjects.csv"),
        image=to_ras(image, scan.affine),
        labels=labels,
        voxel_size_mm=ras_voxel_size(scan.affine),
    )


def name_with_age(name: str, table: Path) -> str:
    """Return the subject's name, with its age where the table of subjects knows it."""
    if table.is_file():
        ages = read_table(table, ["subject", "age"]).set_index("subject")["age"]
        if name in ages.index and np.isfinite(ages[name]):
            return f"{name}, {ages[name]:.0f} years"
    return name


def figure(shown: list[Picture]) -> Figure:
    """Draw a column a scan: an axial plane without and with contours, a coronal, a sagittal one."""
    labelled = any(p.labels is not None for p in shown)
    with rc_context(RC):
        result = new_figure(2.5 * len(shown) + 0.3, 10.9)
        panels = result.subplots(len(ROWS), len(shown), squeeze=False)
        for column, part in zip(panels.T, shown, strict=True):
            column[0].set_title(part.title)
            for panel, (axis, index), plain in zip(
                column, planes(part), (True, False, False, False), strict=True
            ):
                show(panel, part, axis, index, plain)
        for row, name in zip(panels[:, 0], ROWS, strict=True):
            row.set_ylabel(name if labelled else name.split(",")[0])
        if labelled:
            handles = [Line2D([], [], color=c, lw=2.5, label=n) for n, (c, _) in OUTLINES.items()]
            result.legend(
                handles=handles,
                loc="outside lower center",
                ncols=4,
                facecolor="#404040",
                labelcolor="white",
                frameon=True,
            )
    return result


def planes(part: Picture) -> list[tuple[int, int]]:
    """Return (axis, index) of the plane in each row; axes are (right, anterior, superior)."""
    labels = np.zeros(part.image.shape, int) if part.labels is None else part.labels
    axial, coronal, sagittal = three_planes(labels)
    return [(2, axial), (2, axial), (1, coronal), (0, sagittal)]


def show(panel: Axes, part: Picture, axis: int, index: int, plain: bool) -> None:
    """Draw one plane, with contours unless `plain`."""
    brain = part.image if part.labels is None else part.image[part.labels > 0]
    width, height = (size for k, size in enumerate(part.voxel_size_mm) if k != axis)
    panel.imshow(
        part.image.take(index, axis).T,
        origin="lower",
        cmap="gray",
        vmin=0,
        vmax=float(np.percentile(brain, BRIGHTEST)),
        aspect=height / width,
    )
    bare(panel)
    ends = ("P", "A") if axis == 0 else ("L", "R")
    for x, end in zip((0.03, 0.97), ends, strict=True):
        panel.text(x, 0.03, end, color="white", ha="center", transform=panel.transAxes, fontsize=8)
    if part.labels is not None and not plain:
        outline(panel, part.labels.take(index, axis), 0.9)


def caption(facts: Facts) -> str:
    """Return what is shown of how many scans."""
    kind = "true labels" if facts.simulated else "labels, where they are known"
    return (
        "Fully sampled validation scans, root sum of squares over coils, in arbitrary units of"
        f" intensity, each scaled to its own brain; outlines: {kind}. The first"
        f" {counted(min(N_SUBJECTS, facts.n_scans), 'scan')} of {facts.n_scans}. L and R, A and P:"
        " left, right, anterior, posterior."
    )


FIGURE = StudyFigure(
    "cohort",
    "The scans",
    "Slices of the validation scans in three planes with outlines.",
    caption,
    draw,
    shown=from_k_space,
    good="Good: contours on the borders that are seen, and no artefact.",
    vector=False,
)
