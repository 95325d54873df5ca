"""The cohort: three planes of several validation scans, with outlines of the true labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.figures.figure1 import best_slice, ras_voxel_size, to_ras
from stages.figures.kit.style import RC, bare, new_figure, save
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.measures.members import read_table
from stages.params.data import DataParams
from stages.storage.nifti import affine, load_volume, subject
from stages.study.layout import true_labels
from stages.study.structures import structure

N_SUBJECTS = 4
BRIGHTEST = 99.8  # percentile of the brain's intensities drawn in white
ROWS = ("axial", "axial, true labels", "coronal, true labels", "sagittal, true labels")
# colours that the colour-blind tell apart: Okabe and Ito 2008, https://jfly.uni-koeln.de/color
OUTLINES = {
    "Ventricles": ("#56B4E9", ("lateral_ventricle", "third_ventricle", "fourth_ventricle")),
    "Caudate, putamen, accumbens": ("#009E73", ("caudate", "putamen", "accumbens")),
    "Pallidum": ("#F0E442", ("pallidum",)),
    "Thalamus": ("#E69F00", ("thalamus",)),
    "Hippocampus, amygdala": ("#D55E00", ("hippocampus", "amygdala")),
    "Brainstem": ("#CC79A7", ("brainstem",)),
    "Cerebellum": ("#FFFFFF", ("cerebellum_cortex", "cerebellum_white_matter")),
}


@dataclass(frozen=True)
class Picture:
    """A scan as shown: axes (right, anterior, superior)."""

    title: str
    image: np.ndarray
    labels: np.ndarray | None
    """True labels on the same grid, or None for a real scan."""
    voxel_size_mm: np.ndarray


def draw(data_folder: Path, out: Path, data: DataParams) -> None:
    """Write the figure of the first validation scans.

    Args:
        data_folder: holds the scans and, for a simulated cohort, `truth`.
        out: PNG to write.
        data: layout of the scans (section `data` of params.yaml).
    """
    layout = ScanFormat(n_coils=data.n_coils, partial_fourier=data.partial_fourier)
    scans = list_scans(data_folder / data.validation, layout, data.validation_files)[:N_SUBJECTS]
    pictures = [picture(scan, data_folder / "truth", data) for scan in scans]
    save(figure(pictures), out)


def picture(scan: Scan, truth: Path, data: DataParams) -> Picture:
    """Reconstruct a scan by root sum of squares, and read its true labels if there are any."""
    image = np.concatenate([rss_image(kspace) for _, kspace in scan.batches()])
    matrix = affine(scan.shape, data.voxel_size_mm, data.axis_codes)
    path = true_labels(subject(scan.path), truth)
    labels = to_ras(*load_volume(path)) if path.is_file() else None
    return Picture(
        title=caption(subject(scan.path), truth / "subjects.csv"),
        image=to_ras(image, matrix),
        labels=labels,
        voxel_size_mm=ras_voxel_size(matrix),
    )


def caption(name: str, table: Path) -> str:
    """Return the subject's name, with its age where the table of subjects knows it."""
    if table.is_file():
        ages = read_table(table, ["subject", "age"]).set_index("subject")["age"]
        if name in ages.index and np.isfinite(ages[name]):
            return f"{name}, {ages[name]:.0f} years"
    return name


def figure(pictures: list[Picture]) -> Figure:
    """Draw a column a scan: an axial plane without and with outlines, a coronal, a sagittal one."""
    shown = any(p.labels is not None for p in pictures)
    with rc_context(RC):
        result = new_figure(2.5 * len(pictures) + 0.3, 10.9)
        panels = result.subplots(len(ROWS), len(pictures), squeeze=False)
        for column, part in zip(panels.T, pictures, strict=True):
            column[0].set_title(part.title)
            for panel, (axis, index), plain in zip(
                column, planes(part), (True, False, False, False), strict=True
            ):
                show(panel, part, axis, index, plain)
        for row, name in zip(panels[:, 0], ROWS, strict=True):
            row.set_ylabel(name if shown else name.split(",")[0])
        if shown:
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
    if part.labels is None:
        middle = [n // 2 for n in part.image.shape]
        return [(2, middle[2]), (2, middle[2]), (1, middle[1]), (0, middle[0])]
    axial = best_slice(part.labels)
    coronal = fullest(part.labels, ("hippocampus", "thalamus"), 1)
    sagittal = fullest(part.labels, ("brainstem", "third_ventricle", "fourth_ventricle"), 0)
    return [(2, axial), (2, axial), (1, coronal), (0, sagittal)]


def fullest(labels: np.ndarray, names: tuple[str, ...], axis: int) -> int:
    """Return the index along an axis of the plane with most voxels of some structures."""
    mask = np.isin(labels, [label for name in names for label in structure(name).labels])
    others = tuple(other for other in range(3) if other != axis)
    return int(np.argmax(mask.sum(axis=others)))


def show(panel: Axes, part: Picture, axis: int, index: int, plain: bool) -> None:
    """Draw one plane, with outlines unless `plain`."""
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
        outline(panel, part.labels.take(index, axis).T)


def outline(panel: Axes, labels: np.ndarray) -> None:
    """Draw the borders of the structures in one plane, (height, width)."""
    for colour, names in OUTLINES.values():
        for name in names:
            mask = np.isin(labels, structure(name).labels)
            if mask.any():
                panel.contour(mask.astype(float), [0.5], colors=[colour], linewidths=0.9)
