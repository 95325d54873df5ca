"""The stage `cards`: what a card says is what parameters, weights and metrics say."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from stages import model_cards
from stages.cards.weights import SegmenterFile
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.storage.files import read_json
from stages.study import layout
from stages.study.structures import SYNTHSEG_TABLE
from tests.fabricated import ROOT
from tests.scans import write_toy_params
from tests.segmenters.synthseg.test_optimisation import params

QUALITY = {"psnr": {"mean": 31.25, "std": 0.5}, "ssim": {"mean": 0.9125, "std": 0.01}}
VOLUMES = {
    "cv": {"median": 1.5, "low": 1.0, "high": 2.0, "caudate": 2.25},
    "bias": {"caudate": -12.5},
    "bias_truth": {"caudate": -11.0, "putamen": 3.0},
}
SEGMENTER = layout.metric("segmenter-quality", "segmenter")
ATLAS = layout.metric("atlas-quality", "atlas")
ACCELERATION = {"acquired": {"mean": 2.97}, "full": {"mean": 3.51}}


def write(path: Path, content: object) -> None:
    """Write JSON, or a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pd.DataFrame):
        content.to_csv(path, index=False)
    else:
        path.write_text(json.dumps(content))


def write_results(names: tuple[str, ...], cohort: str = "simulated") -> None:
    """Write what the stage reads of a finished study in the current directory."""
    floor = {"psnr": {"mean": 20.5}, "ssim": {"mean": 0.5}}
    metrics = {
        "image_quality": {**dict.fromkeys(names, QUALITY), "zero_filled": floor},
        "volumes": {**dict.fromkeys(names, VOLUMES), "noise": {"cv": {"median": 0.375}}},
        "masks": {"acceleration": ACCELERATION},
        "paper": {"cohort": cohort},
    }
    for name, content in metrics.items():
        write(layout.metric("mask" if name == "masks" else "analyse", name), content)
    for path in (SEGMENTER, ATLAS):
        write(path, read_json(ROOT / path))
    rows = {"split": ["train", "validation"], "n_slices": 6, "n_ky": 24, "n_kz": [20, 18]}
    write(layout.INSPECTION / "matrices.csv", pd.DataFrame(rows | {"n_scans": [2, 3]}))
    curves = {"seed": [0, 0, 1, 1], "step": [2, 4, 2, 4], "loss": [9, 0.25, 9, 0.75]}
    curves |= {"validation_psnr": [30.0, 32.0, 31.0, None], "validation_ssim": 0.5}
    write(layout.table("analyse", "training"), pd.DataFrame(curves).assign(group=names[0]))
    kept = {"seed": [0, 1], "step": [2, 4], "validation_psnr": [30.0, 31.0], "validation_ssim": 0.5}
    write(layout.table("analyse", "kept"), pd.DataFrame(kept).assign(group=names[0]))
    for name in names:
        path = layout.model(name, 0) / "model.pt"
        path.parent.mkdir(parents=True)
        torch.save({"model": {"a": torch.zeros(30, 50), "b": torch.zeros(7)}}, path)


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """A study of the three architectures in the current directory."""
    monkeypatch.chdir(tmp_path)
    write_toy_params(tmp_path, **{"segment.weights": "embedded"})
    write_results(("unet", "varnet", "rim"))
    return tmp_path


def cards() -> dict[str, str]:
    return {path.stem: path.read_text() for path in layout.CARDS.iterdir()}


def test_numbers_are_those_of_the_study(study) -> None:
    model_cards.main()
    card = cards()["unet"]
    for line in (
        "with 1 507 parameters; 2 members",
        "| train | 2 scans of 6 slices, 24 × 20 |",
        "| validation | 3 scans of 6 slices, 24 × 18 |",
        "3.0 nominal, of the acquired k-space; measured: 2.97 of the acquired, 3.51 of the full",
        "| training loss at the end | 0.500 |",
        "# UNet ensemble",
        "| UNet | 31.25 ± 0.50 | 0.912 ± 0.010 |",
        "| zero-filled | 20.50 | 0.500 |",
        "median CV of volumes over the members is 1.50 % (noise alone: 0.38 %)",
        "| Caudate | 2.25 | -12.5 | -11.0 |",
        "| Putamen | – | – | 3.0 |",
        "measured on 3 scans",
        "healthy digital phantoms",
    ):
        assert line in card
    assert "| weights kept | after the last step: 2, 4 |" in card
    assert "kept weights, 1 slice of each monitor scan | 30.50 dB, 0.500 |" in card
    assert "by which its weights were chosen" not in card
    assert "| Low |" not in card
    assert "| High |" not in card


def test_a_card_says_how_weights_were_chosen(study) -> None:
    write_toy_params(study, **{"train.unet.keep": "best_ssim", "train.unet.batch_size": 2})
    model_cards.main()
    card = cards()["unet"]
    assert "| weights kept | after the step with the best SSIM on the monitor scans: 2, 4 |" in card
    assert "by which its weights were chosen, too." in card
    assert "of 2 slices, mixed from all scans of one matrix |" in card
    write_toy_params(study, **{"train.unet.batches": "scan", "train.unet.batch_size": 2})
    model_cards.main()
    assert "of 2 slices, of one scan |" in cards()["unet"]


def test_a_card_says_how_the_learning_rate_falls(study) -> None:
    schedule = {"kind": "cyclic", "warmup_steps": 2, "cycles": 2}
    changes = {"schedule": schedule, "steps": 8, "snapshot_interval": 4}
    write_toy_params(study, **{f"train.unet.{key}": value for key, value in changes.items()})
    model_cards.main()
    found = cards()
    assert "| schedule | cosine in each of 2 cycles after 2 steps of warm-up |" in found["unet"]
    assert "| schedule | cosine after 3 steps of warm-up |" in found["varnet"]


def precise(quality: dict) -> dict:
    """The metrics of the phantoms as of real maps: with noise, shifts, sides and folds."""
    content = json.loads(json.dumps(quality))
    for found in content["structures"].values():
        found["shift_cv"] = 1.25
    dice = {"mean": 0.875, "min": 0.725}
    content |= {"shift_cv": {"median": 1.25, "max": 2.0}, "noisy": {"dice": dice}}
    own = {key: content[key] for key in ("dice", "volume_r", "volume_error")}
    content["further"] = {"rim": own, "thick_slices": own}
    fine = {"grid": [256, 218, 170], "thickness_mm": 5}
    folds = {"n_folds": 4, "steps": 3325, "digital": 750, "fine": fine, "n_phantoms": 12}
    return content | {"sides": {"dice": dice}} | folds


def test_the_network_of_real_maps_has_sides_curves_diseases_and_folds(study, monkeypatch) -> None:
    own, whole = model_cards.segmenter_file, params()

    def file(path: Path) -> SegmenterFile:
        found = own(path)
        if path != model_cards.EMBEDDED_FILE:
            return found
        training = whole.model_dump(mode="json", exclude={"quality", "folds"})
        training["anatomies"] |= {"label_maps": "maps", "n_heads": 60, "real": 0.6}
        point = {"dice": 0.25, "entropy": 0.125, "volume": 0.375}
        training["curves"] = [{"step": 100 * k, **point} for k in range(1, 31)]
        names = [SYNTHSEG_TABLE[label] for label in SIDED_LABELS[1:]]
        header = found.header | {"training": training, "names": names}
        return SegmenterFile(header, found.n_parameters, found.md5)

    monkeypatch.setattr(model_cards, "segmenter_file", file)
    quality = read_json(ROOT / SEGMENTER)
    dice = f"{quality['dice']['mean']:.3f}"
    write(layout.metric("segmenter-folds", "maps"), precise(quality))
    write(layout.metric("segmenter-quality", "diseases"), {"infarct": quality, "tumour": quality})
    model_cards.main()
    card = cards()["segmenter-embedded"]
    for line in (
        "30 structures,\nleft and right apart: left cerebral white matter",
        "60 digital phantoms (seed 0)",
        "60 % of\nthe training images show a real head",
        "| 3 000 | 0.250 | 0.125 | 0.375 |",
        f"| infarct | {dice} ",
        "simulated from 12 real label maps",
        "4\nnetworks of 3 325 training steps (50 of this one), each without a part of the maps;\n"
        "the first 750, on digital phantoms alone, are the same for all.",
        "mean Dice\n0.875 (lowest 0.725)",
        "| CV under noise (%) | CV of places (%) | Dice, undersampled |",
        "(256 x 218 x 170 voxels) and in slices of 5 mm",
        f"| by rim | {dice} ",
        f"| thick slices | {dice} ",
        "- Lesions have no label.",
        "Apache-2.0; changes:",
    ):
        assert line in card, line
    assert card.count("| 0.250 | 0.125 | 0.375 |") <= 12
    tables = [block.splitlines() for block in card.split("\n\n") if block.startswith("|")]
    for rows in tables:
        assert len({row.count(" | ") for row in rows if "---" not in row}) == 1, rows[0]


def test_every_architecture_is_told_apart_and_the_segmenters_have_their_own(study) -> None:
    model_cards.main()
    assert set(cards()) == {"unet", "varnet", "rim", "segmenter-embedded", "segmenter-atlas"}
    assert "no data consistency" in cards()["unet"]
    assert "recurrent inference machine" in cards()["rim"]
    dice = read_json(SEGMENTER)["dice"]["mean"]
    assert f"mean Dice\n{dice:.3f}" in cards()["segmenter-embedded"]
    assert "It measures all volumes of this study." in cards()["segmenter-embedded"]
    atlas = cards()["segmenter-atlas"]
    assert f"mean Dice\n{read_json(ATLAS)['dice']['mean']:.3f}" in atlas
    assert "with other weights" in atlas


def test_another_network_of_another_cohort_gets_a_plain_card(study) -> None:
    write_toy_params(
        study,
        **{
            "ensembles.unet": [0],
            "train.unet.model": "a|b",
            "train.unet.network": {"<b>": "*"},
            "segment.weights": "official.h5",
        },
    )
    write(layout.metric("analyse", "paper"), {"cohort": "other"})
    model_cards.main()
    card = cards()["unet"]
    assert "Network a\\|b of DIRECT" in card
    assert "| network | \\<b\\>: \\* |" in card
    assert "DIRECT's zoo" in card
    assert "simulat" not in card
    assert "phantom" not in card
    assert "with other weights" in cards()["segmenter-embedded"]


def test_two_runs_write_the_same_bytes_and_nothing_that_is_gone(study) -> None:
    model_cards.main()
    first = cards()
    (layout.CARDS / "gone.md").write_text("a model that was taken out")
    model_cards.main()
    assert cards() == first


def test_missing_weights_are_one_line(study, error_line) -> None:
    (layout.model("rim", 0) / "model.pt").unlink()
    line = error_line(model_cards.main)
    assert line.startswith("error: work/models/rim/0/model.pt: expected weights of a member")
    assert not layout.CARDS.exists()
