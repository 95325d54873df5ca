"""The figure of heads with a pathology: planes, points, and a cohort without any."""

import numpy as np
import pandas as pd

from stages.anatomy.diseases.catalogue import DISEASES
from stages.figures.pathology import FIGURE, draw, kind_markers, matched_planes
from stages.storage.nifti import affine
from tests.page.results import facts, metrics

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
    rows += [(group, "tumour", "csf", -5.0, -4.0, 0.5) for group in GROUPS]
    columns = ["group", "kind", "structure", "true_change", "measured_change", "change_sd"]
    cells = pd.DataFrame(rows, columns=columns)
    voxels = [(group, kind, 3.0, 1.5) for group in GROUPS for kind in DISEASES]
    return cells, pd.DataFrame(voxels, columns=["group", "kind", "error_ratio", "std_ratio"])


def planes() -> list:
    """Return the planes of all kinds of pathology."""
    image, changed = np.ones((10, 12, 14)), np.zeros((10, 12, 14), np.uint8)
    labels = np.full((10, 12, 14), 2)
    labels[3:5, 7, 4:6] = 17
    changed[6, 2:5, 3:6] = 1
    changed[3, 7, 4] = 1
    found = [matched_planes(k, (image, 0.8 * image), changed, labels, MATRIX) for k in DISEASES]
    return [plane for pair in found for plane in pair]


def test_planes_pass_through_what_changed() -> None:
    coronal, atrophy, _, lesions, _, infarct, _, tumour = planes()
    assert coronal.changed is None
    assert atrophy.image.shape == (10, 14)  # superior, right
    assert np.argwhere(atrophy.changed).tolist() == [[3, 4]]
    assert lesions.image.shape == (12, 14)  # anterior, right
    for axial in (lesions, infarct, tumour):
        assert axial.changed.sum() == 9
    assert atrophy.image.max() == 0.8


def test_points_are_those_of_the_tables() -> None:
    cells, voxels = tables()
    figure = draw(cells, voxels, GROUPS, planes())
    figure.draw_without_rendering()
    panels = {axes.get_title(): axes for axes in figure.axes}
    drawn = {
        name: sorted(tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 1)
        for name, axes in panels.items()
    }
    assert drawn["Change of volume"] == [(65,), (70,), (75,), (80,), (80,)]
    assert drawn["SD and error"] == [(1,), (1,), (5,), (6,)]  # the reference: no spread
    assert drawn["Affected voxels"] == [(3,)] * 8
    assert {"healthy", *DISEASES} <= set(panels)
    assert len({axes.get_position().x0 for axes in figure.axes[:8]}) == 4  # two rows of four
    assert len(set(kind_markers(DISEASES).values())) == len(DISEASES)


def test_a_row_that_is_not_full_stays_empty() -> None:
    cells, voxels = tables()
    figure = draw(cells, voxels, GROUPS, planes()[:6])
    figure.draw_without_rendering()
    assert [axes.axison for axes in figure.axes[6:8]] == [False, False]
    assert not figure.axes[6].images


def test_a_cohort_without_pathology_has_no_figure() -> None:
    assert FIGURE.shown(facts())
    assert not FIGURE.shown(facts(metrics() | {"pathology": {"skipped": "none"}}))
