"""Which snapshot becomes the member, on a training that is there."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.params.train import TrainParams
from stages.recon.learned.checkpoints import load_member, save_training, serialised
from stages.recon.learned.networks import modules_of, output_image, set_training
from stages.recon.learned.selection import BEST, chosen_step, select_member, validate
from stages.recon.learned.slices import Slices
from stages.recon.learned.training import start, train
from stages.recon.quality import challenge_quality
from stages.storage.files import read_json
from stages.study import layout
from stages.study.errors import StudyError
from tests.recon.conftest import CPU, train_params

FOLDER = layout.training("varnet", 0)
STEPS = (10, 20, 30)


def configured(params: TrainParams) -> dict:
    """Return the configuration of a training."""
    return {"architecture": "varnet", "seed": 0, "train": params.model_dump(mode="json")}


@pytest.fixture(scope="module")
def training(slices: Slices, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training with three snapshots, below another folder."""
    root = tmp_path_factory.mktemp("training")
    params = train_params("varnet", steps=30, snapshot_interval=10)
    folder = root / FOLDER
    folder.mkdir(parents=True)

    def snapshot(step: int, weights: dict) -> None:
        (folder / layout.snapshot(step)).write_bytes(serialised(weights))

    state = start(params, "varnet", 0, [slices.size], CPU)
    train(state, params, [slices], snapshot=snapshot)
    save_training(folder, state.curves, configured(params))
    return root


@pytest.fixture(autouse=True)
def in_its_folder(training: Path, tmp_path: Path) -> None:
    """The current folder has the training."""
    FOLDER.parent.mkdir(parents=True)
    FOLDER.symlink_to(training / FOLDER)


def selected(slices: Slices, **changes: object) -> pd.DataFrame:
    """Select a member and return its curves."""
    configuration = read_json(FOLDER / "config.json")
    configuration["train"] |= changes
    select_member("varnet", 0, configuration, [slices], CPU)
    return pd.read_csv(layout.model("varnet", 0) / "curves.csv")


@pytest.mark.parametrize("keep", ["last", *BEST])
def test_the_member_is_the_snapshot_that_the_rule_says(keep: str, slices: Slices) -> None:
    curves = selected(slices, keep=keep)
    assert list(curves["step"]) == list(range(1, 31))
    assert curves["loss"].notna().all()
    scores = curves.dropna(subset=["validation_psnr"])
    assert tuple(scores["step"]) == STEPS
    expected = 30 if keep == "last" else scores.loc[scores[BEST[keep]].idxmax(), "step"]
    assert list(curves.loc[curves["kept"].notna(), "step"]) == [expected]
    folder = layout.model("varnet", 0)
    assert read_json(folder / "config.json")["kept"] == {"rule": keep, "step": expected}
    assert (folder / "model.pt").read_bytes() == (
        FOLDER / layout.snapshot(int(expected))
    ).read_bytes()


def test_the_curve_is_the_quality_of_each_snapshot(slices: Slices) -> None:
    curves = selected(slices)
    assert curves["validation_psnr"].dropna().is_monotonic_increasing  # it learns this very scan
    for step in STEPS:
        snapshot = FOLDER / layout.snapshot(step)
        engine = load_member(layout.model("varnet", 0), CPU)
        for name, module in modules_of(engine).items():
            module.load_state_dict(torch.load(snapshot, weights_only=True)[name])
        set_training(engine, False)
        batch = slices.batch(slice(None), CPU)
        with torch.no_grad():
            image = output_image(engine, batch)
        psnr, ssim = challenge_quality(batch["target"].numpy(), image.numpy())
        assert validate(engine, [slices], CPU) == {"validation_psnr": psnr, "validation_ssim": ssim}
        row = curves[curves["step"] == step].iloc[0]
        assert [f"{psnr:.6g}", f"{ssim:.6g}"] == [
            f"{row['validation_psnr']:.6g}",
            f"{row['validation_ssim']:.6g}",
        ]


def test_validation_does_not_depend_on_what_was_validated_before(slices: Slices) -> None:
    first = selected(slices)
    layout.model("varnet", 0).rename("first")
    assert selected(slices).equals(first)
    assert (layout.model("varnet", 0) / "config.json").read_bytes() == Path(
        "first/config.json"
    ).read_bytes()


def test_a_lost_or_damaged_snapshot(training: Path, slices: Slices) -> None:
    FOLDER.unlink()
    FOLDER.mkdir()
    for path in (training / FOLDER).iterdir():
        (FOLDER / path.name).write_bytes(path.read_bytes())
    lost = FOLDER / layout.snapshot(20)
    content = lost.read_bytes()
    lost.write_bytes(content[: len(content) // 2])
    with pytest.raises(StudyError, match=r"step-00000020\.pt: expected the weights of varnet"):
        selected(slices)
    lost.unlink()
    with pytest.raises(StudyError, match="expected the snapshot of step 20, found none; train"):
        selected(slices)
    assert not layout.model("varnet", 0).exists()


SCORE = st.one_of(st.floats(0, 50), st.just(math.nan))


@given(st.dictionaries(st.integers(1, 99), st.tuples(SCORE, SCORE), min_size=1))
def test_the_best_is_the_first_of_the_largest(scores: dict[int, tuple[float, float]]) -> None:
    rows = {
        step: {"validation_psnr": psnr, "validation_ssim": ssim}
        for step, (psnr, ssim) in scores.items()
    }
    assert chosen_step("last", rows, Path("m")) == max(scores)
    for number, keep in enumerate(BEST):
        finite = [pair[number] for pair in scores.values() if math.isfinite(pair[number])]
        if not finite:
            with pytest.raises(
                StudyError, match=f"m: expected a {BEST[keep]} to choose weights by"
            ):
                chosen_step(keep, rows, Path("m"))
            continue
        step = chosen_step(keep, rows, Path("m"))
        assert scores[step][number] == max(finite)
        assert all(scores[s][number] != max(finite) for s in scores if s < step)
