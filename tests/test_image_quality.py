"""The stage `image_quality`: one row a member, scan, range and choice of slices."""

import numpy as np
import pandas as pd
import pytest

from stages import image_quality
from stages.measures.members import load_image, load_reference
from stages.measures.scores.brain_box import brain_box
from stages.measures.scores.catalogue import SCORES, scores
from stages.recon.quality import quality
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from stages.study.schema import IMAGE_SCORES
from tests.fabricated import Study, add_rescans, without_networks, write_study

STUDY = Study(n_members=3, n_draws=4, n_scans=2)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A fabricated study in the current directory; its slices are too small for SSIM's window."""
    monkeypatch.chdir(tmp_path)
    without_networks(monkeypatch)
    write_study(tmp_path, STUDY)
    return tmp_path


def test_every_image_is_scored_in_all_ways(study):
    image_quality.main(["unet"])
    table = pd.read_csv(layout.quality("unet") / "quality.csv")
    assert len(table) == 3 * 2 * 5
    assert set(table["group"]) == {"unet"}
    assert table.groupby(["member", "subject"]).size().tolist() == [5] * 6
    first = (layout.quality("unet") / "quality.csv").read_bytes()
    image_quality.main(["unet"])
    assert (layout.quality("unet") / "quality.csv").read_bytes() == first


def test_scans_of_another_position_have_no_score(study):
    add_rescans(study)
    image_quality.main(["rescans"])
    for name, column in (("quality", "psnr"), ("scores", "value")):
        table = pd.read_csv(layout.quality("rescans") / f"{name}.csv")
        assert table.empty and column in table


def test_every_image_has_every_other_score(study):
    image_quality.main(["unet"])
    table = pd.read_csv(layout.quality("unet") / "scores.csv")
    assert list(table.columns) == IMAGE_SCORES.columns
    assert table.groupby(["member", "subject"])["score"].apply(list).tolist() == [[*SCORES]] * 6
    values = table.set_index(["member", "subject", "score"])["value"]
    # VIF needs slices of 41 pixels
    assert values.isna().groupby("score").all().to_dict() == {n: n == "vif" for n in SCORES}
    scan = load_reference(STUDY.subjects[1])
    image = load_image(layout.image("unet", 2, scan.subject), scan)
    expected = scores(brain_box(scan.image, scan.labels).pair(image))
    for name in ("haarpsi", "cnr"):
        assert values[2, scan.subject, name] == pytest.approx(expected[name], rel=1e-8)


def test_scores_are_those_of_the_slices_with_brain(study, monkeypatch):
    asked = []

    def remember(reference, image, brain_slices):
        asked.append(brain_slices.tolist())
        return quality(*np.random.default_rng(0).random((2, 1, 9, 9)), np.ones(1, dtype=bool))

    monkeypatch.setattr(image_quality, "quality", remember)
    image_quality.main(["zero_filled"])
    assert asked == [[False, *[True] * 10, False]] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cascade"], "unknown group 'cascade'"),
        ([], "usage: python -m stages.image_quality unet|varnet|rim|noise"),
        (["unet"], "accelerated_T1w.nii.gz: expected shape (12, 20, 18)"),
    ],
)
def test_faults_are_one_line_and_leave_nothing_behind(study, error_line, arguments, words):
    path = layout.image("unet", 1, STUDY.subjects[0])
    data, matrix = load_volume(path)
    save_volume(path, data[1:], matrix)
    line = error_line(image_quality.main, arguments)
    assert line.startswith("error: ") and words in line
    assert not layout.quality("unet").exists()
