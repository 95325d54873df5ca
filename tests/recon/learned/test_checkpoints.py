"""Trained members on disk."""

import csv
from pathlib import Path

import pytest
import torch

from stages.recon.learned.checkpoints import (
    COLUMNS,
    LOSS_COLUMNS,
    load_member,
    read_curve,
    save_member,
    save_training,
    serialised,
    weights_of,
)
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import build_engine, network_options, output_image, set_training
from stages.recon.learned.slices import Slices
from stages.storage.files import read_json
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params

REFINED = {"num_filters": 4, "num_pool_layers": 2}


def saved(folder: Path, architecture: str = "varnet", **changes: object) -> Engine:
    params = train_params(architecture, **changes)
    engine = build_engine(network_options(params), CPU, seed=4)
    curves = [
        {"step": 1, "loss": 0.5, "learning_rate": 0.1},
        {"step": 2, "loss": 1 / 3, "learning_rate": 0.1, "validation_psnr": 20.0},
    ]
    folder.mkdir(exist_ok=True)
    snapshot = folder.with_suffix(".pt")
    snapshot.write_bytes(serialised(weights_of(engine)))
    save_member(folder, snapshot, curves, {"train": params.model_dump(mode="json")})
    return engine


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
@pytest.mark.parametrize("refined", [None, REFINED])
def test_a_member_comes_back(
    architecture: str, refined: dict | None, tmp_path: Path, slices: Slices
) -> None:
    engine = saved(tmp_path / "m", architecture, sensitivity_network=refined)
    set_training(engine, False)
    loaded = load_member(tmp_path / "m", CPU)
    with torch.no_grad():
        expected, found = (output_image(e, slices.batch([1, 2], CPU)) for e in (engine, loaded))
    assert torch.equal(found, expected)


def test_weights_are_plain_tensors(tmp_path: Path) -> None:
    engine = saved(tmp_path / "m", sensitivity_network=REFINED)
    weights = torch.load(tmp_path / "m/model.pt", weights_only=True)
    assert set(weights) == {"model", "sensitivity_model"}
    assert set(weights["model"]) == set(engine.model.state_dict())


def test_the_same_member_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        saved(tmp_path / name)
    for file in ("model.pt", "config.json", "curves.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_training_leaves_its_losses_and_versions(tmp_path: Path) -> None:
    rows = [{"step": 1.0, "loss": 0.5, "learning_rate": 0.25}, {"step": 2.0, "loss": 0.125}]
    save_training(tmp_path, rows, {"seed": 3})
    assert (tmp_path / "losses.csv").read_text().splitlines()[0] == ",".join(LOSS_COLUMNS)
    assert read_curve(tmp_path / "losses.csv") == rows
    found = read_json(tmp_path / "config.json")
    assert found["seed"] == 3
    assert found["versions"]["torch"] == torch.__version__.split("+")[0]


def test_damaged_losses(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"losses\.csv: expected the losses of a training"):
        read_curve(tmp_path / "losses.csv")
    (tmp_path / "losses.csv").write_text("step,loss\n1,much\n")
    with pytest.raises(StudyError, match=r"losses\.csv: expected the losses of a training"):
        read_curve(tmp_path / "losses.csv")


def test_curves(tmp_path: Path) -> None:
    saved(tmp_path / "m")
    with open(tmp_path / "m/curves.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["loss"] for row in rows] == ["0.5", "0.333333"]
    assert [row["validation_psnr"] for row in rows] == ["", "20"]


def test_damaged_members(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"config\.json: expected a JSON file, found none"):
        load_member(tmp_path / "m", CPU)
    saved(tmp_path / "m")
    (tmp_path / "m/model.pt").write_bytes(b"hello")
    with pytest.raises(StudyError, match=r"model\.pt: expected the weights of varnet"):
        load_member(tmp_path / "m", CPU)
    (tmp_path / "m/model.pt").unlink()
    with pytest.raises(StudyError, match=r"model\.pt: expected the weights of .*, found none"):
        load_member(tmp_path / "m", CPU)


def test_weights_of_another_network(tmp_path: Path) -> None:
    saved(tmp_path / "a", "unet")
    saved(tmp_path / "b", "varnet")
    (tmp_path / "a/model.pt").replace(tmp_path / "b/model.pt")
    with pytest.raises(StudyError, match=r"model\.pt: expected the weights of varnet"):
        load_member(tmp_path / "b", CPU)
