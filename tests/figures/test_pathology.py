"""The figure of heads with a pathology: planes, points, and a cohort without any."""

import numpy as np
import pandas as pd

from stages.figures.pathology import pathology_figure, twin_planes
from stages.images import affine

GROUPS = ("unet", "varnet")
MATRIX = affine((10, 12, 14), (2.0, 2.0, 2.0), "SAR")


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cells and voxels of two architectures; the reference has no spread."""
    rows = [
        (group, "atrophy", "hippocampus", -20.0, -15.0 + k, [1.0, 2.0, np.nan][k])
        for k, group in enumerate((*GROUPS, "reference"))
    ]
    rows += [(group, "healthy", "hippocampus", *[np.nan] * 3) for group in GROUPS]
    rows += [(group, "lesions", "white_matter", 0.0, -1.0, 0.5) for group in GROUPS]
    columns = ["group", "kind", "structure", "true_change", "measured_change", "change_sd"]
    cells = pd.DataFrame(rows, columns=columns)
    voxels = [(group, kind, 3.0, 1.5) for group in GROUPS for kind in ("atrophy", "lesions")]
    return cells, pd.DataFrame(voxels, columns=["group", "kind", "error_ratio", "std_ratio"])


def planes() -> list:
    """Return the planes of both kinds of pathology."""
    image, changed = np.ones((10, 12, 14)), np.zeros((10, 12, 14), np.uint8)
    labels = np.full((10, 12, 14), 2)
    labels[3:5, 7, 4:6] = 17
    changed[6, 2:5, 3:6] = 1
    changed[3, 7, 4] = 1
    both = [
        twin_planes(k, (image, 0.8 * image), changed, labels, MATRIX)
        for k in ("atrophy", "lesions")
    ]
    return both[0] + both[1]


def test_planes_pass_through_what_changed() -> None:
    coronal, ill, _, lesions = planes()
    assert coronal.changed is None
    assert ill.image.shape == (10, 14)  # superior, right
    assert np.argwhere(ill.changed).tolist() == [[3, 4]]
    assert lesions.image.shape == (12, 14)  # anterior, right
    assert lesions.changed.sum() == 9
    assert ill.image.max() == 0.8


def test_points_are_those_of_the_tables() -> None:
    cells, voxels = tables()
    figure = pathology_figure(cells, voxels, GROUPS, planes())
    figure.draw_without_rendering()
    panels = {axes.get_title(): axes for axes in figure.axes}
    drawn = {
        name: sorted(tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 1)
        for name, axes in panels.items()
    }
    assert drawn["Change of volume"] == [(65,), (70,), (75,)]
    assert drawn["Does the spread tell?"] == [(5,), (6,)]  # the reference has no spread
    assert drawn["Affected voxels"] == [(3,)] * 4
    assert {"healthy", "atrophy", "lesions"} <= set(panels)


def test_a_cohort_without_pathology_says_so() -> None:
    cells, voxels = tables()
    figure = pathology_figure(cells, voxels, GROUPS, [])
    assert "No scan with a pathology" in figure.texts[0].get_text()
