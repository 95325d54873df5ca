"""What is known of implanted scans: label maps, where they changed, volumes, who is whose.

Files are those of a simulated cohort (`data/truth`), so that a study treats both alike. What is
true is the change; volumes before it are those of the label map.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from stages.anatomy.diseases.catalogue import DISEASES, lesion_mask, without_lesions
from stages.anatomy.diseases.regions import MM3_PER_ML, box
from stages.anatomy.view import brain_only, true_volumes
from stages.implantation.fine_grid import FineGrid
from stages.implantation.healthy_scan import HealthyScan, Implant
from stages.storage.bids import describe_dataset, write_label_table
from stages.storage.nifti import save_volume, smallest_labels
from stages.study import layout
from stages.study.pairs import HEALTHY, matched_healthy
from stages.study.structures import SYNTHSEG_TABLE

ABOUT = (
    "FreeSurfer labels of a scan's fully sampled image, with the disease that was put into its"
    " k-space."
)
FOOTPRINT = 0.4
"""SD of the Gaussian whose weights vote for the label of a voxel, in voxels of the scan."""
MARGIN = 6
"""Fine voxels around the change that are looked at."""
Row = dict[str, object]


def coarse_labels(
    coarse: np.ndarray, before: np.ndarray, after: np.ndarray, grid: FineGrid
) -> np.ndarray:
    """Return a label map of the scan's grid that follows a change of its fine one.

    A voxel has the label with most of a Gaussian around its centre where that is not the one it had
    before the change; all else stays.
    """
    where = box(before != after, MARGIN)
    result, scale = coarse.copy(), np.array(grid.shape) / np.array(grid.grid)
    index = [np.rint(np.arange(n) * s).astype(int) for n, s in zip(grid.grid, scale, strict=True)]
    inside = [
        np.flatnonzero((i >= w.start) & (i < min(w.stop, n)))
        for i, w, n in zip(index, where, grid.shape, strict=True)
    ]
    at = np.ix_(*(i[k] - w.start for i, k, w in zip(index, inside, where, strict=True)))
    old, new = (elected(labels[where], at, FOOTPRINT * scale) for labels in (before, after))
    part = result[np.ix_(*inside)]
    result[np.ix_(*inside)] = np.where(old != new, new, part)
    return result


def elected(labels: np.ndarray, at: tuple[np.ndarray, ...], widths: np.ndarray) -> np.ndarray:
    """Return the label with the largest weight at some voxels; ties go to the lowest."""
    best = np.full(np.broadcast_shapes(*(axis.shape for axis in at)), -1, np.float32)
    winner = np.zeros(best.shape, np.int32)
    for label in np.unique(labels):
        score = ndimage.gaussian_filter((labels == label).astype(np.float32), widths)[at]
        better = score > best
        winner[better], best[better] = label, score[better]
    return winner


def write_truth(folder: Path, name: str, healthy: HealthyScan, implant: Implant | None) -> Row:
    """Write the label map of a subject and where it changed; return its rows of the tables.

    Args:
        folder: of the truth.
        name: label of the subject.
        healthy: the scan as it was measured.
        implant: the disease; None for the scan as it was.
    """
    fine, coarse, grid = healthy.fine.astype(np.int32), healthy.labels, healthy.grid
    row: Row = {"age": np.nan, "split": layout.VALIDATION, "source": healthy.scan.path.name}
    lesions = None
    if implant is None:
        row |= {"pathology": HEALTHY, "healthy_twin": name}
    else:
        ill = implant.ill.astype(np.int32)
        shown = coarse_labels(coarse, fine, ill, grid)
        focal = DISEASES[implant.kind].focal
        changed = lesion_mask(shown) if focal else (shown != coarse).astype(np.uint8)
        save_volume(layout.affected(name, implant.kind, folder), changed, healthy.scan.affine)
        row |= {"pathology": implant.kind, "healthy_twin": matched_healthy(name)}
        row |= changes(healthy, implant)
        if lesion_mask(ill).any():
            lesions = {"volume_mm3": float(lesion_mask(ill).sum()) * grid.voxel_mm3}
        fine, coarse = without_lesions(ill), without_lesions(shown)
    truth = smallest_labels(brain_only(coarse))
    save_volume(layout.true_labels(name, folder), truth, healthy.scan.affine)
    volumes = {key: n * grid.voxel_mm3 for key, n in true_volumes(fine).items()}
    return {"subject": name, "about": row, "volumes": volumes, "lesions": lesions}


def changes(healthy: HealthyScan, implant: Implant) -> Mapping[str, float]:
    """Return how much changed: volume of the voxels (mL), and median c where they fill a voxel.

    Beside it the contrast that was asked for, NaN where the parameters say it.
    """
    changed = implant.ill != healthy.fine
    filled = healthy.grid.coarsen(changed) > 0.9
    ratio = implant.field.ratio[filled if filled.any() else implant.field.difference != 0]
    return {
        "changed_ml": float(changed.sum()) * healthy.grid.voxel_mm3 / MM3_PER_ML,
        "contrast": float(np.median(ratio)) if ratio.size else np.nan,
        "asked_contrast": np.nan if implant.dose.contrast is None else implant.dose.contrast,
    }


def write_tables(rows: list[Row], folder: Path) -> None:
    """Write volumes and loads of lesions in mm3, and who the subjects are, below the truth."""
    for name, key in (("volumes", "volumes"), ("subjects", "about"), ("lesions", "lesions")):
        known = [{"subject": row["subject"], **row[key]} for row in rows if row[key] is not None]  # type: ignore[dict-item]  # of mappings
        if known:
            table = pd.DataFrame(known)
            path = folder / f"{name}.csv"
            table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def describe_truth(folder: Path, scans: Path) -> None:
    """Make the folder of the truth a BIDS derivative of the scans."""
    sources = {layout.VALIDATION: scans}
    describe_dataset(folder, name="Implants", about=ABOUT, sources=sources, ignored=["*.csv"])
    write_label_table(folder, {0: "background", **SYNTHSEG_TABLE}, ABOUT)
