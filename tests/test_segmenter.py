"""The stages that train and judge the bundled segmentation network, with toys in its place."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from stages import segmenter, segmenter_folds, segmenter_quality
from stages.anatomy.diseases.catalogue import DISEASES
from stages.params.section import RECIPES
from stages.segmenters.judgement import Judgement, Measured
from stages.segmenters.synthseg import folds
from stages.segmenters.synthseg.trained import recipe_of
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.storage.files import read_json
from stages.study import layout
from tests.anatomy.maps import block_head, write_lia
from tests.scans import write_toy_params


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with parameters and five label maps."""
    monkeypatch.chdir(tmp_path)
    write_toy_params(tmp_path)
    recipes = yaml.safe_load((tmp_path / RECIPES).read_text(encoding="utf-8"))
    recipes["segmenter"]["anatomies"]["left_out"] = []
    recipes["segmenter"]["folds"] |= {"n": 4, "judged": 4, "steps": [7, 2, 1], "digital": 3}
    (tmp_path / RECIPES).write_text(yaml.safe_dump(recipes), encoding="utf-8")
    (tmp_path / "label_maps").mkdir()
    for number in range(5):
        write_lia(tmp_path / "label_maps" / f"{number}.nii.gz", block_head())
    return tmp_path


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list:
    """What is trained: output, checkpoint and maps left out."""
    calls: list = []

    def train_to(output, checkpoint, params, start=None):
        calls.append((output, checkpoint, params.anatomies.left_out, start))

    monkeypatch.setattr(segmenter, "train_to", train_to)
    monkeypatch.setattr(folds, "train_to", train_to)
    monkeypatch.setattr(folds, "train_on", lambda checkpoint, params, until: until)
    return calls


def toy_judgement(value: float) -> Judgement:
    truth = np.arange(1.0, 18.0) + value
    measured = Measured(np.full(17, 0.9), truth * (1 + value / 100), np.full((13, 2), 0.8))
    return Judgement(truth, measured, measured, (measured,) * 2, (measured,) * 2)


def test_whole_network_and_folds(folder: Path, trained: list) -> None:
    segmenter.main([])
    segmenter.main(["1"])
    assert trained == [
        (EMBEDDED_FILE, Path("work/segmenter/embedded.pt"), (), None),
        (Path("weights/folds/1.npz"), Path("work/segmenter/fold-1.pt"), ("1.nii.gz",), 3),
    ]


def test_faults_are_one_line(folder: Path, error_line) -> None:
    assert "usage: python -m stages.segmenter [FOLD]" in error_line(lambda: segmenter.main(["x"]))
    assert "a fold below segmenter.folds.n = 4, got 7" in error_line(lambda: segmenter.main(["7"]))
    (folder / "label_maps").rename(folder / "elsewhere")
    line = error_line(lambda: segmenter.main([]))
    assert "label_maps: expected the folder of SynthSeg's label maps" in line


def test_folds_that_are_missing_are_trained_and_all_are_judged(
    folder: Path, trained: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds.weights_of(2).parent.mkdir(parents=True)
    folds.weights_of(2).touch()
    numbers = []

    def judge_all(judge_one, params, n, n_processes):
        numbers.extend(range(n))
        return [toy_judgement(k) for k in range(n)]

    monkeypatch.setattr(segmenter_folds, "judge_all", judge_all)
    segmenter_folds.main()
    assert [output.name for output, *_ in trained] == [f"{k}.npz" for k in (0, 1, 3)]
    assert numbers == [0, 1, 2, 3, 4]
    found = read_json(layout.metric("segmenter-folds", "maps"))
    assert (found["n_phantoms"], found["n_folds"], found["steps"]) == (5, 4, 10)
    assert found["sides"]["dice"]["mean"] == pytest.approx(0.8)


def test_a_map_is_judged_by_the_network_that_has_not_seen_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error_line
) -> None:
    opened, params = [], segmenter_folds.SegmenterParams.load()

    def network(path: Path) -> SimpleNamespace:
        opened.append(path.name)
        seen = recipe_of(folds.fold(params, 0), params.folds.digital) | {"curves": []}
        return SimpleNamespace(model=SimpleNamespace(training=seen))

    monkeypatch.setattr(segmenter_folds, "network", network)
    monkeypatch.setattr(segmenter_folds, "scan_map", lambda params, path, number: path.name)
    monkeypatch.setattr(segmenter_folds, "reconstructed", lambda scan, params: {"a": scan})
    monkeypatch.setattr(segmenter_folds, "finer", lambda params, path, number: {"b": number})
    monkeypatch.setattr(segmenter_folds, "judge", lambda params, own, scan, images: (scan, images))
    assert segmenter_folds.judge_map(params, 4) == (
        "4.nii.gz",
        {"a": "4.nii.gz", "b": 4},
    ) and opened == ["0.npz"]
    line = error_line(lambda: segmenter_folds.entry_point(segmenter_folds.judge_map)(params, 1))
    assert "folds/1.npz: expected a network that has not seen 1.nii.gz; remove it" in line
    other = params.model_copy(update={"seed": 1})
    line = error_line(lambda: segmenter_folds.entry_point(segmenter_folds.judge_map)(other, 0))
    assert "folds/0.npz: expected a network of the recipe in params.segmenters.yaml" in line


def test_networks_of_the_study_see_the_undersampled_scan(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = segmenter_folds.SegmenterParams.load().quality
    kspace = np.random.default_rng(0).standard_normal((params.grid[0], 2, *params.grid[1:]))
    scan = SimpleNamespace(seed=5, labels=None, kspace=kspace.astype(np.complex64))
    opened = []

    def open_network(name, seed, device):
        opened.append((name, seed))
        return lambda kspace, mask: (kspace * mask.sampling).abs().sum(1)

    monkeypatch.setattr(segmenter_folds, "open_network", open_network)
    segmenter_folds.members.cache_clear()
    found = segmenter_folds.reconstructed(scan, params)
    segmenter_folds.members.cache_clear()
    ensembles = segmenter_folds.EnsembleParams.load()
    assert opened == [(name, 0) for name in ensembles.architectures] and set(found) == {
        *dict(opened)
    }
    sampled = segmenter_folds.sampling(scan, params).mask
    expected = np.abs(scan.kspace * sampled).sum(1)
    for each in found.values():
        np.testing.assert_allclose(each.image.data, expected, rtol=1e-6)


def test_quality_is_of_healthy_phantoms_and_of_each_disease(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = segmenter_quality.SegmenterParams.load()
    asked, runs = [], []

    def judged(judge_one, params, n):
        runs.append(n)
        return [judge_one(params, k) for k in range(n)]

    def scan_ill(quality, number, kind, plan):
        asked.append((number, kind))
        assert plan.infarct.volume_ml == params.anatomies.diseases.infarct.volume_ml
        return len(asked)

    monkeypatch.setattr(segmenter_quality, "embedded", lambda: None)
    monkeypatch.setattr(segmenter_quality, "scan_ill", scan_ill)
    monkeypatch.setattr(segmenter_quality, "scan_head", lambda quality, number: number)
    for name in ("judge", "judge_once"):
        monkeypatch.setattr(segmenter_quality, name, lambda params, own, scan: toy_judgement(scan))
    monkeypatch.setattr(
        segmenter_quality,
        "judge_all",
        lambda judge_one, params, n, workers: judged(judge_one, params, n),
    )
    segmenter_quality.main()
    assert runs == [params.quality.n_phantoms + len(DISEASES) * params.quality.n_ill]  # one bar
    n = params.quality.n_ill
    assert asked == [(k, kind) for kind in DISEASES for k in range(n)]
    found = read_json(layout.metric("segmenter-quality", "diseases"))
    assert list(found) == list(DISEASES)
    errors = [found[kind]["volume_error"]["mean"] for kind in DISEASES]
    assert errors == pytest.approx([(n + 1) / 2 + n * k for k in range(len(DISEASES))], abs=1e-3)
    healthy = read_json(layout.metric("segmenter-quality", "segmenter"))
    assert healthy["n_phantoms"] == params.quality.n_phantoms
