"""The comparison of two checkouts finds every other number, and nothing in what only moved."""

import json
from pathlib import Path

import pytest

from tests.fabricated import ROOT
from tests.moved import NAMES, leaves, main

KEPT = ("mask", "segmenter-quality", "atlas-quality")  # folders whose keys did not change

OLD = {
    "metrics/headline.json": '{"unet": {"cv": 1.50}}',
    "metrics/masks.json": '{"acceleration": 5}',
    "metrics/noise.json": '{"asked": 30.0, "achieved": {"median": 29.8}}',
    "metrics/inference.json": '{"unet": {"exchanged": "exams", "ceiling": {"pooled": 0.10}}}',
    "metrics/other_segmenter.json": '{"basis": {"a": 1}, "metrics": {"cells": [1, 2]}}',
    "plots/regression.csv": "group,predictors,estimate,r2\nunet,structure,chance,0.10\n",
    "plots/components.csv": "structure,share\nceiling,1.0\n",
    "plots/pathology.csv": "structure\n",
    "work/measures/unet/volumes.csv": "cells,1\n",
    "work/code/analyse.json": "{}",
}
NEW = {
    "metrics/headline.json": '{"unet": {"cv": 1.50}}',
    "metrics/mask/masks.json": '{"acceleration": 5}',
    "metrics/analyse/noise.json": '{"measured": {"median": 29.8}, "nominal": 30.0}',
    "metrics/analyse/inference.json": (
        '{"unet": {"exchanged": "subjects", "noise_ceiling": {"pooled": 0.10}}}'
    ),
    "metrics/other_segmenter.json": '{"basis": {"b": 2}, "metrics": {"pairs": [1, 2]}}',
    "plots/analyse/regression.csv": (
        "group,predictors,estimate,r2\nunet,structure_only,random_predictor,0.10\n"
    ),
    "plots/analyse/components.csv": "structure,fraction\nceiling,1.0\n",
    "plots/pathology/pathology.csv": "structure\n",
    "work/measures/unet/volumes.csv": "cells,1\n",
    "work/code/analyse.json": '{"other": 1}',
}


def write(folder: Path, files: dict[str, str]) -> str:
    """Write files below a folder; return its name."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(folder)


def test_what_only_moved_is_the_same(tmp_path, capsys):
    assert main([write(tmp_path / "old", OLD), write(tmp_path / "new", NEW)]) == 0
    assert capsys.readouterr().out == "9 files compared, 0 differences\n"


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (
            "metrics/headline.json",
            '{"unet": {"cv": 1.5}}',
            "metrics/headline.json: unet.cv: 1.50 -> 1.5",
        ),
        (
            "metrics/analyse/noise.json",
            '{"measured": {}, "nominal": 30.0}',
            "metrics/analyse/noise.json: measured.median: 29.8 -> (absent)",
        ),
        (
            "metrics/analyse/noise.json",
            OLD["metrics/noise.json"],
            "metrics/analyse/noise.json: nominal: 30.0 -> (absent)",
        ),
        (
            "metrics/mask/masks.json",
            '{"acceleration": "5"}',
            'metrics/mask/masks.json: acceleration: 5 -> "5"',
        ),
        (
            "plots/analyse/components.csv",
            "structure,fraction\nceiling,1\n",
            "plots/analyse/components.csv: row 1, fraction: 1.0 -> 1",
        ),
        (
            "plots/analyse/components.csv",
            "structure,share\nceiling,1.0\n",
            "plots/analyse/components.csv: columns structure, fraction -> structure, share",
        ),
        (
            "plots/pathology/pathology.csv",
            "structure\na\n",
            "plots/pathology/pathology.csv: 0 rows -> 1 rows",
        ),
        (
            "work/measures/unet/volumes.csv",
            "cells,2\n",
            "work/measures/unet/volumes.csv: other bytes",
        ),
    ],
)
def test_any_other_number_name_or_row_is_a_line(name, content, line, tmp_path, capsys):
    old, new = write(tmp_path / "old", OLD), write(tmp_path / "new", NEW | {name: content})
    assert main([old, new]) == 1
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("lost", "line"),
    [
        ("old/metrics/noise.json", "metrics/analyse/noise.json: {}/old/metrics/noise.json"),
        (
            "new/plots/pathology/pathology.csv",
            "plots/pathology/pathology.csv: {}/new/plots/pathology/pathology.csv",
        ),
    ],
)
def test_a_file_of_one_alone_is_a_line(lost, line, tmp_path, capsys):
    old, new = write(tmp_path / "old", OLD), write(tmp_path / "new", NEW)
    (tmp_path / lost).unlink()
    assert main([old, new]) == 1
    assert f"{line.format(tmp_path)} is absent" in capsys.readouterr().out.splitlines()


def test_nothing_to_compare_is_no_agreement(tmp_path):
    assert main([str(tmp_path), str(tmp_path)]) == 1


def test_the_study_has_no_key_of_before():
    paths = [p for p in (ROOT / "metrics").rglob("*.json") if p.parent.name not in KEPT]
    assert paths
    for path in paths:
        content = json.loads(path.read_text(encoding="utf-8"))
        keys = {key for leaf in leaves(json.dumps(content), {}) for key in leaf.split(".")}
        assert not keys & NAMES.keys(), path
