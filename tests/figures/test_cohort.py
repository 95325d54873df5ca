"""The figure of the cohort."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from stages.figures.cohort import Picture, figure, pictures, planes
from stages.figures.kit.style import save
from stages.kspace.formats.catalogue import write_scan
from stages.kspace.fourier import to_kspace
from stages.params.data import DataParams
from stages.storage.nifti import affine, save_volume, subject
from stages.study.errors import StudyError
from stages.study.layout import true_labels
from tests.anatomy.maps import block_head

DATA = DataParams(
    format="calgary_campinas",
    train="train",
    validation="validation",
    train_files=None,
    validation_files=None,
    monitor_files=None,
    axis_codes="SAR",
    voxel_size_mm=(8.0, 8.0, 8.0),
    partial_fourier=1.0,
    acquired="columns",
    centred_transform=False,
    n_coils=2,
)


def write_cohort(folder: Path, truth: bool) -> None:
    """Two scans of a head of blocks."""
    labels = np.where(block_head() == 511, 0, block_head()).astype(np.uint16)
    coils = (labels + 1.0)[:, None] * np.array([0.6, 0.8]).reshape(1, 2, 1, 1)
    for name in ("one", "two"):
        write_scan(folder / "validation" / f"{name}.h5", to_kspace(coils))
        if truth:
            matrix = affine(labels.shape, DATA.voxel_size_mm, "SAR")
            save_volume(true_labels(subject(name), folder / "truth"), labels, matrix)
    if truth:
        table = "subject,age\nsub-one,33.3\nsub-two,\n"
        (folder / "truth/subjects.csv").write_text(table)


@pytest.mark.parametrize("truth", [True, False])
def test_figure_with_and_without_truth(tmp_path: Path, truth: bool) -> None:
    write_cohort(tmp_path, truth)
    for name in ("a.png", "b.png"):
        save(figure(pictures(tmp_path, DATA)), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = imread(tmp_path / "a.png")
    assert picture.shape[0] > 1000
    coloured = np.ptp(picture[..., :3], axis=-1) > 0.2
    assert coloured.any() == truth


def test_planes_show_the_deep_structures() -> None:
    labels = block_head().transpose(2, 1, 0)
    part = Picture("x", labels.astype(float), labels, np.ones(3))
    (axial, height), _, (coronal, depth), (sagittal, side) = planes(part)
    assert (axial, coronal, sagittal) == (2, 1, 0)
    assert 12 <= height < 15
    assert 10 <= depth < 13
    assert side in (9, 10)


def test_titles_and_legend() -> None:
    labels = block_head().transpose(2, 1, 0)
    drawn = figure([Picture("sub-x, 33 years", labels.astype(float), labels, np.ones(3))])
    assert drawn.axes[0].get_title() == "sub-x, 33 years"
    assert len(drawn.legends[0].get_texts()) == 7


def test_no_scans(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="validation"):
        pictures(tmp_path, DATA)
