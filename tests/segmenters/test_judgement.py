"""The judgement of a segmenter: definitions, and a run on a toy head."""

import numpy as np
import pytest
from scipy import stats

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.head import Head
from stages.params.segmenter import QualityParams
from stages.segmenters import held_out, judgement
from stages.segmenters.judgement import Judgement, Measured
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.storage.files import write_json
from stages.study.structures import STRUCTURES, SYNTHSEG_LABELS
from tests.segmenters.synthseg.test_optimisation import QUALITY

PARAMS = QualityParams(**QUALITY | {"grid": (16, 16, 16), "voxel_size_mm": 2.0})


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
    judgements = [judgement.judge(PARAMS, segmenter, number) for number in range(3)]
    found = judgements[0]
    assert found.truth.shape == found.full.dice.shape == (17,)
    assert found.noise.shape == (2, 17)
    total = np.isin(toy_head(held_out.QUALITY_SEEDS).labels, SYNTHSEG_LABELS[1:]).sum()
    assert found.truth.sum() == total
    assert not np.array_equal(found.full.volumes, found.undersampled.volumes)


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


def fabricated(n_heads=5, n_noise=4):
    generator = np.random.default_rng(0)
    truth = generator.uniform(500, 1000, (n_heads, 17))
    judgements = []
    for row in truth:
        parts = [
            Measured(generator.uniform(0.8, 1, 17), row * generator.normal(1.02, 0.03, 17))
            for _ in range(2)
        ]
        noise = row * generator.normal(1.03, 0.01, (n_noise, 17))
        judgements.append(Judgement(row, *parts, noise))
    return judgements


def test_summary_is_its_definitions(tmp_path):
    judgements = fabricated()
    found = judgement.summarise(judgements)
    truth = np.stack([j.truth for j in judgements])
    volumes = np.stack([j.full.volumes for j in judgements])
    r = [stats.pearsonr(volumes[:, k], truth[:, k]).statistic for k in range(17)]
    errors = [np.abs(100 * (volumes[:, k] / truth[:, k] - 1)).mean() for k in range(17)]
    cv = [
        np.median([stats.variation(j.noise[:, k], ddof=1) * 100 for j in judgements])
        for k in range(17)
    ]
    assert found["volume_r"]["min"] == pytest.approx(min(r))
    assert found["volume_r"]["median"] == pytest.approx(np.median(r))
    assert found["volume_error"]["mean"] == pytest.approx(np.mean(errors))
    assert found["noise_cv"]["median"] == pytest.approx(np.median(cv))
    scores = np.stack([j.full.dice for j in judgements]).mean(0)
    assert found["dice"]["min"] == pytest.approx(scores.min())
    assert found["structures"]["putamen"]["dice"] == pytest.approx(scores[7])
    assert "noise_cv" not in found["undersampled"]
    worse = np.stack([j.undersampled.dice for j in judgements]).mean(0)
    assert found["undersampled"]["dice"]["mean"] == pytest.approx(worse.mean())
    write_json(tmp_path / "segmenter.json", found)
