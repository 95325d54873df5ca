"""The judgement of a segmenter: definitions, and a run on a toy head."""

import numpy as np
import pytest
from scipy import stats

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.head import Head
from stages.params.segmenter import DiseaseParams, QualityParams
from stages.segmenters import held_out, judgement
from stages.segmenters.image import Image
from stages.segmenters.judgement import Further, Judgement, Measured
from stages.segmenters.protocol import Segmentation
from stages.segmenters.synthseg.anatomies import plan_of
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.storage.files import write_json
from stages.study.structures import STRUCTURES, SYNTHSEG_LABELS
from tests.anatomy.maps import ventricular_head, write_lia
from tests.segmenters.synthseg.test_optimisation import DISEASES, QUALITY

PARAMS = QualityParams(**QUALITY | {"grid": (16, 16, 16), "voxel_size_mm": 2.0})
KSPACE = np.ones((16, 2, 16, 16), np.complex64)


def toy_head(seed):
    """A head of cubes of 8 mm, each with a label of its own, in a shell of skin."""
    labels = np.full(HEAD_SHAPE, 507, np.uint16)
    blocks = np.random.default_rng(seed).choice(SYNTHSEG_LABELS, (4, 4, 4)).astype(np.uint16)
    cube = blocks.repeat(8, 0).repeat(8, 1).repeat(8, 2)
    labels[tuple(slice(n // 2 - 16, n // 2 + 16) for n in HEAD_SHAPE)] = cube
    return Head(labels, 50.0, seed)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(held_out, "digital_head", toy_head)


def test_truth_of_a_scan(toy):
    phantom = held_out.scan_head(PARAMS, 2)
    assert phantom.kspace.shape == (16, 2, 16, 16)
    assert not phantom.kspace[..., held_out.n_acquired_of(PARAMS) :].any()
    assert (
        sum(phantom.volumes.values())
        == (np.isin(toy_head(phantom.seed).labels, SYNTHSEG_LABELS[1:])).sum()
    )
    assert set(np.unique(phantom.labels)) <= set(SYNTHSEG_LABELS)
    again = held_out.scan_head(PARAMS, 2)
    assert np.array_equal(again.kspace, phantom.kspace)
    assert not np.array_equal(held_out.scan_head(PARAMS, 1).kspace, phantom.kspace)


def test_noise_draws_differ_and_have_the_asked_strength(toy):
    phantom = held_out.scan_head(PARAMS, 0)
    images = list(held_out.noisy(phantom, PARAMS))
    clean = held_out.combined(phantom.kspace)
    assert len(images) == 2 and not np.array_equal(*images)
    brain = (phantom.labels > 0) & (phantom.labels != 24)
    bright = brain & (clean > np.median(clean[brain]))
    spread = np.std([image[bright] - clean[bright] for image in images])
    # complex noise of that strength, of which partial Fourier keeps 14 of 16 columns
    expected = clean[brain].mean() / 30 * np.sqrt(14 / 16)
    assert spread == pytest.approx(expected, rel=0.15)


def test_undersampling_worsens_the_image(toy):
    phantom = held_out.scan_head(PARAMS, 0)
    clean, worse = held_out.combined(phantom.kspace), held_out.undersampled(phantom, PARAMS)
    assert np.abs(worse - clean).mean() > 0.01 * clean.mean()


def test_a_toy_head_is_judged(toy, tiny_model, tmp_path):
    segmenter = NetworkSegmenter(tiny_model)
    found = judgement.judge(PARAMS, segmenter, held_out.scan_head(PARAMS, 0))
    assert found.truth.shape == found.full.dice.shape == (17,)
    assert len(found.noisy) == len(found.shifted) == 2
    total = np.isin(toy_head(held_out.QUALITY_SEEDS).labels, SYNTHSEG_LABELS[1:]).sum()
    assert found.truth.sum() == total
    volumes = [m.volumes for m in (found.full, found.undersampled, *found.noisy, *found.shifted)]
    for k, one in enumerate(volumes):
        assert not any(np.array_equal(one, other) for other in volumes[:k])
    once = judgement.judge_once(PARAMS, segmenter, held_out.scan_head(PARAMS, 0))
    assert np.array_equal(once.full.volumes, found.full.volumes) and once.noisy == ()


def test_scans_of_label_maps_and_of_diseases(tmp_path, monkeypatch):
    write_lia(tmp_path / "a.nii.gz", ventricular_head())
    # the map is 192 x 192 x 160 mm, the field of view as large
    wide = PARAMS.model_copy(update={"grid": (100, 100, 84)})
    found = held_out.scan_map(wide, tmp_path / "a.nii.gz", 0)
    counts = np.bincount(ventricular_head().ravel(), minlength=60) * 8**3
    for label in (2, 3, 10, 16, 49, 53):
        assert found.volumes[label] == counts[label]
        assert (found.labels == label).sum() * 8 == pytest.approx(counts[label], rel=0.2)
    again = held_out.scan_map(wide, tmp_path / "a.nii.gz", 1)
    assert np.array_equal(again.labels, found.labels)
    assert not np.array_equal(again.kspace, found.kspace)

    monkeypatch.setattr(held_out, "digital_head", lambda seed: Head(placed_map(), 50.0, seed))
    plan = plan_of(DiseaseParams(**DISEASES))
    healthy, ill = (
        held_out.scan_head(wide, 2), held_out.scan_ill(wide, 2, "infarct", plan)
    )  # fmt: skip
    assert ill.volumes[24] > healthy.volumes[24]
    assert ill.volumes[2] + ill.volumes[3] < healthy.volumes[2] + healthy.volumes[3]
    assert set(np.unique(ill.labels)) <= set(SYNTHSEG_LABELS)
    assert not np.array_equal(ill.kspace, healthy.kspace)


def placed_map():
    """`ventricular_head` of 4 mm blocks in the middle of a digital head's box."""
    labels = np.zeros(HEAD_SHAPE, np.uint16)
    blocks = np.kron(ventricular_head(), np.ones((4, 4, 4), int)).astype(np.uint16)
    blocks[blocks == 511] = 507
    start = [(n - m) // 2 for n, m in zip(HEAD_SHAPE, blocks.shape, strict=True)]
    labels[tuple(slice(a, a + m) for a, m in zip(start, blocks.shape, strict=True))] = blocks
    return labels


def test_dice_of_the_sides():
    truth = np.array([2, 2, 41, 41, 5, 43, 16])
    found = np.array([2, 41, 41, 41, 4, 43, 16])
    scores = dict(zip(judgement.PAIRED, judgement.side_dice(found, truth), strict=True))
    assert scores[(2, 41)] == pytest.approx([2 / 3, 4 / 5])
    assert scores[(4, 43)] == pytest.approx([1, 1])  # the horn is part of it
    assert scores[(10, 49)] == pytest.approx([1, 1])  # in neither
    assert len(scores) == 13


def test_dice_merges_the_sides():
    truth = np.array([2, 41, 41, 5, 44, 43, 24, 0])
    found = np.array([2, 2, 0, 4, 4, 4, 24, 24])
    scores = dict(zip(judgement.NAMES, judgement.dice(found, truth), strict=True))
    assert scores["white_matter"] == pytest.approx(2 * 2 / 5)
    assert scores["lateral_ventricle"] == 1
    assert scores["csf"] == pytest.approx(2 / 3)
    assert scores["hippocampus"] == 1  # in neither


def test_structures_are_those_of_the_study():
    assert tuple(s.name for s in STRUCTURES) == judgement.NAMES
    assert set(judgement.LABELS) == set(judgement.merged(np.array(SYNTHSEG_LABELS[1:])))


def fabricated(n_heads=5, n_draws=4):
    generator = np.random.default_rng(0)
    truth = generator.uniform(500, 1000, (n_heads, 17))

    def drawn(row, mean, deviation, sides=None):
        volumes = row * generator.normal(mean, deviation, 17)
        return Measured(generator.uniform(0.8, 1, 17), volumes, sides)

    return [
        Judgement(
            row,
            drawn(row, 1.02, 0.03, generator.uniform(0.8, 1, (13, 2))),
            drawn(row, 1.02, 0.03),
            tuple(drawn(row, 1.03, 0.01) for _ in range(n_draws)),
            tuple(drawn(row, 1.0, 0.02) for _ in range(n_draws)),
        )
        for row in truth
    ]


@pytest.mark.parametrize("n", [1, 2])
def test_a_summary_of_fewer_than_three_heads_has_no_correlation(tmp_path, n):
    found = judgement.summarise(fabricated()[:n])
    assert "volume_r" not in found
    assert all("volume_r" not in row for row in found["structures"].values())
    write_json(tmp_path / "heads.json", found)  # finite numbers alone
    assert "volume_r" in judgement.summarise(fabricated()[:3])


def test_summary_is_its_definitions(tmp_path):
    judgements = fabricated()
    found = judgement.summarise(judgements)
    truth = np.stack([j.truth for j in judgements])
    volumes = np.stack([j.full.volumes for j in judgements])
    r = [stats.pearsonr(volumes[:, k], truth[:, k]).statistic for k in range(17)]
    errors = [np.abs(100 * (volumes[:, k] / truth[:, k] - 1)).mean() for k in range(17)]
    assert found["volume_r"]["min"] == pytest.approx(min(r))
    assert found["volume_r"]["median"] == pytest.approx(np.median(r))
    assert found["volume_error"]["mean"] == pytest.approx(np.mean(errors))
    for key, draws in (("noise_cv", "noisy"), ("shift_cv", "shifted")):
        heads = [[m.volumes for m in getattr(j, draws)] for j in judgements]
        cv = np.median([stats.variation(head, ddof=1) * 100 for head in heads], axis=0)
        assert found[key]["median"] == pytest.approx(np.median(cv))
        assert found[key]["max"] == pytest.approx(cv.max())
    scores = np.stack([j.full.dice for j in judgements]).mean(0)
    assert found["dice"]["min"] == pytest.approx(scores.min())
    assert found["structures"]["putamen"]["dice"] == pytest.approx(scores[7])
    sides = np.stack([j.full.sides for j in judgements]).mean(0)
    assert found["sides"]["dice"] == pytest.approx({"mean": sides.mean(), "min": sides.min()})
    assert "noise_cv" not in found["undersampled"]
    worse = np.stack([j.undersampled.dice for j in judgements]).mean(0)
    assert found["undersampled"]["dice"]["mean"] == pytest.approx(worse.mean())
    noisy = np.stack([j.noisy[0].dice for j in judgements]).mean(0)
    assert found["noisy"]["dice"]["mean"] == pytest.approx(noisy.mean())
    write_json(tmp_path / "segmenter.json", found)


def test_scans_that_were_measured_once_have_no_precision():
    once = [Judgement(j.truth, j.full, j.undersampled) for j in fabricated()]
    found = judgement.summarise(once)
    assert not {"noise_cv", "shift_cv", "noisy"} & set(found) and found["n_noise"] == 0


def number_itself(params, number):
    """A judgement that shows which one it is."""
    return params + number


def test_all_are_judged_in_their_order():
    for n_processes in (1, 2):
        assert judgement.judge_all(number_itself, 10, 3, n_processes) == [10, 11, 12]


def test_thick_slices_are_means_and_majorities(toy):
    phantom = held_out.scan_head(PARAMS, 0)
    image, labels = held_out.thick(phantom, 3)  # of 16 slices
    assert image.shape == labels.shape == (5, 16, 16)
    whole = held_out.combined(phantom.kspace)
    np.testing.assert_allclose(image[1], whole[3:6].mean(0), rtol=1e-6)
    column = phantom.labels[3:6, 8, 8].tolist()
    assert column.count(labels[1, 8, 8]) == max(column.count(label) for label in column)
    shown = held_out.as_image(image, 2.0, 6.0)
    assert sorted(np.linalg.norm(shown.affine[:3, :3], axis=0)) == [2, 2, 6]


def test_further_images_are_summarised(toy):
    head = np.zeros((16, 16, 16), np.int32)
    head[4:12, 4:12, 4:12] = 17

    class Segmenter:
        model = type("Model", (), {"labels": SYNTHSEG_LABELS})
        larger = 0.0

        def segment_image(self, image):
            self.larger += 1.0
            volumes = np.arange(1.0, len(SYNTHSEG_LABELS)) + self.larger
            return Segmentation(head, image.affine, volumes)

    segmenter, judged = Segmenter(), []
    for volume in (5.0, 6.0, 8.0):
        phantom = held_out.Phantom(0, head, dict.fromkeys(SYNTHSEG_LABELS, volume), KSPACE)
        further = {"fine": Further(held_out.as_image(np.ones((16, 16, 16)), 1.0), head)}
        judged.append(judgement.judge(PARAMS, segmenter, phantom, further))
    found = judgement.summarise(judged)
    assert found["further"]["fine"]["structures"].keys() == found["structures"].keys()
    assert found["further"]["fine"]["dice"] == {"mean": 1.0, "min": 1.0}


def test_labels_are_compared_at_the_voxels_of_the_image():
    labels = np.random.default_rng(0).integers(0, 50, (4, 5, 6)).astype(np.int32)
    coarse = held_out.as_image(np.zeros((4, 5, 6)), 2.0)
    result = Segmentation(labels, coarse.affine, np.zeros(1))
    assert judgement.on_grid(result, coarse) is labels
    fine = coarse.affine @ np.diag([0.5, 0.5, 0.5, 1])
    fine[:3, 3] += coarse.affine[:3, :3] @ np.full(3, -0.25)  # two fine voxels in a coarse one
    image = Image(np.zeros((8, 10, 12)), fine, np.ones(3))
    expected = labels.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    assert np.array_equal(judgement.on_grid(result, image), expected)
