"""CONTRIBUTING.md, step by step: what it says is enough to add something is done here."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from nibabel.orientations import aff2axcodes

from stages import check, inspect
from stages.figures import catalogue
from stages.figures.kit.study_figure import StudyFigure
from stages.figures.kit.style import new_figure, save
from stages.figures.kit.titles import surrogate_label
from stages.kspace.masks.sampling import load_mask
from stages.measures import surrogates
from stages.measures.surrogates import StructureOfScan, Surrogate
from stages.page.render import drawn
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.network import Architecture
from stages.statistics.methods.disjoint_halves import Cohorts
from stages.statistics.questions.surrogates import Targets, predict_target, surrogate_tree
from stages.storage.nifti import load_volume
from stages.study import layout
from tests.fabricated import ROOT
from tests.measures.test_surrogates import NAMES, table_of, toy_scan
from tests.page.results import facts
from tests.scans import fabricate_scan, run, tiny_params, write_toy_study
from tests.segmenters.conftest import random_network

EXAMPLE = re.search(r"```yaml\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
((NAME, SECTION),) = yaml.safe_load(textwrap.dedent(EXAMPLE)).items()


@pytest.fixture(autouse=True)
def torch_as_before():
    """Undo what the scripts set up for the whole process."""
    n_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Toy scans, parameters and the graph in the current directory."""
    write_toy_study(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(params: dict) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def name_in_params() -> None:
    """Step 1 of an architecture: a section of `train`, its members in `ensembles`."""
    params = tiny_params(**{"train.rim.steps": 2})
    params["train"][NAME] = params["train"]["rim"] | SECTION
    params["ensembles"] = {NAME: [0, 7], **params["ensembles"]}
    write_params(params)


def copy_lines_of_rim() -> None:
    """Step 2: the lines of dvc.yaml that name `rim`, once more with the new name."""
    lines = Path("dvc.yaml").read_text().splitlines(keepends=True)
    again = {line: line.replace("rim", NAME) for line in lines if re.search(r"[-_.]rim\b", line)}
    Path("dvc.yaml").write_text("".join(line + again.get(line, "") for line in lines))


def copy_weights() -> None:
    """Put the weights that come with the study where the parameters look for them."""
    shutil.copytree(ROOT / "weights", "weights")


def fault_of_check(capsys: pytest.CaptureFixture) -> str:
    with pytest.raises(SystemExit):
        check.main()
    return capsys.readouterr().err.strip()


def resolved() -> set[str]:
    """Return the names of all stages as DVC resolves them."""
    for arguments in (["init", "-q", "--no-scm"], ["stage", "list", "--name-only"]):
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=True
        )
    return set(done.stdout.split())


def test_an_architecture(study: Path, capsys: pytest.CaptureFixture) -> None:
    name_in_params()
    assert f"expected a stage 'train-{NAME}', found none" in fault_of_check(capsys)
    copy_lines_of_rim()
    assert "expected the segmenter's weights (segment.weights)" in fault_of_check(capsys)
    copy_weights()
    check.main()
    members = {
        f"{k}-{NAME}@{NAME}-{s}"
        for k in ("train", "select", "reconstruct", "segment")
        for s in (0, 7)
    }
    assert members | {f"image-quality@{NAME}", f"measure@{NAME}"} <= resolved()
    run("mask")
    run("train", NAME, 7)
    run("select", NAME, 7)
    run("reconstruct", NAME, 7)
    (path,) = layout.images(NAME, 7).rglob("*.nii.gz")
    assert load_volume(path)[0].max() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "lpdnet.LPDNet"}, "expected a network of DIRECT"),
        ({"network": {"num_iterr": 2}}, "has no argument 'num_iterr'; allowed: standardization"),
        ({"sensitivity_network": {"filters": 8}}, "has no argument 'filters'"),
    ],
)
def test_a_network_that_direct_lacks_is_noticed_at_once(
    study: Path, capsys: pytest.CaptureFixture, change: dict, words: str
) -> None:
    name_in_params()
    copy_lines_of_rim()
    copy_weights()
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["train"][NAME] |= change
    write_params(params)
    assert words in fault_of_check(capsys)


def test_a_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    def number_of_faces(item: StructureOfScan) -> float:
        return float("nan") if item.border is None else float(len(item.border.faces))

    monkeypatch.setitem(surrogates.SURROGATES, "number_of_faces", Surrogate("B", number_of_faces))
    images, labels = toy_scan(np.random.default_rng(0), 2)
    table = table_of(images, labels).assign(group="toy", subject="s")
    found = table[table["surrogate"] == "number_of_faces"].set_index("structure")["value"]
    inside = np.pad(labels[0] == 10, 1).astype(int)
    faces = sum(np.abs(np.diff(inside, axis=axis)).sum() for axis in range(3))
    assert found["blob0"] == faces
    cv = pd.DataFrame({"structure": list(NAMES), "cv": np.arange(1.0, len(NAMES) + 1)})
    assert surrogate_label("number_of_faces") == "Number of faces"
    targets = cv.assign(group="toy", subject="s", mean_mm3=1000.0 + np.arange(len(cv)))
    alone = Cohorts({"s": "s"}, np.zeros((1, 1), dtype=int), 0.95)
    tree = surrogate_tree(predict_target(table, Targets(targets, targets), alone))
    assert tree["toy"]["number_of_faces"]["cost"] == "one segmentation"
    assert 0 <= tree["toy"]["number_of_faces"]["pooled_r2"] <= 1


def test_a_data_set(study: Path) -> None:
    shutil.rmtree("data")
    grid, n_coils = (5, 20, 26), 3
    for folder, seed in (("train", 1), ("validation", 2)):
        path = Path("data", folder, f"person{seed}.h5")
        fabricate_scan(path, grid, n_coils=n_coils, seed=seed, partial_fourier=0.75)
    data = {"n_coils": n_coils, "partial_fourier": 0.75, "axis_codes": "LPS"}
    params = tiny_params()
    params["data"] |= data | {"voxel_size_mm": [1.0, 0.5, 0.75]}
    write_params(params)
    inspect.main()
    run("mask")
    run("reference")
    assert load_mask(layout.mask("sub-person1", layout.TRAIN)).mask.shape == grid[1:]
    (path,) = layout.images("reference", 0).rglob("*.nii.gz")
    image, matrix = load_volume(path)
    assert image.shape == grid
    assert aff2axcodes(matrix) == ("L", "P", "S")
    assert np.linalg.norm(matrix[:3, :3], axis=0) == pytest.approx([1.0, 0.5, 0.75])


def test_a_segmenter(study: Path) -> None:
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    recipe = model.Recipe(voxel_size_mm=2.0, multiple=2, minimum=0, blur=0.0)
    network = random_network(Architecture(1, len(MERGED_LABELS), (2, 3)))
    model.save(Path("own.npz"), model.Model({"unet": network}, MERGED_LABELS, names, recipe))
    write_params(tiny_params(**{"segment.weights": "own.npz"}))
    run("reference")
    run("segment", "reference", 0)
    table = pd.read_csv(layout.segmentations("reference", 0) / "volumes.csv")
    assert set(names) <= set(table.columns)
    assert (table[list(names)] >= 0).all(axis=None)
    assert table[list(names)].to_numpy().sum() > 0


def test_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    figure = StudyFigure(
        "sizes",
        "Sizes",
        "An empty plot.",
        lambda found: f"n = {found.n_scans} scans.",
        lambda found: new_figure(found.n_scans, 2),
    )
    monkeypatch.setattr(catalogue, "FIGURES", (*catalogue.FIGURES, figure))
    *_, last = catalogue.figures(facts())
    save(last.draw(facts()), layout.figure("report", last.name))
    shown = drawn(last, facts())
    assert (shown.path, shown.heading) == ("plots/report/sizes.png", "Sizes")
    assert shown.caption == "n = 5 scans."
    assert shown.image is not None
