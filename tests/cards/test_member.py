"""What a card says about loading a member, run as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

from stages.cards.markdown import render
from stages.storage.nifti import load_volume
from stages.study import layout
from tests.scans import GRID, run, write_toy_study


def test_a_member_is_loaded_as_its_card_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toy_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    run("mask")
    for stage in ("train", "select", "reconstruct"):
        run(stage, "rim", 0)
    member, scans = layout.model("rim", 0), layout.DATA / "validation"
    text = render("member.md.j2", folder=member, scans=scans)
    code = re.fullmatch(r"```python\n(.*)```\n?", text, re.DOTALL)
    assert code is not None
    found: dict[str, np.ndarray] = {}
    exec(compile(code[1], "card", "exec"), found)
    assert found["image"].shape == GRID
    (path,) = layout.images("rim", 0).rglob("*.nii.gz")
    assert found["image"] == pytest.approx(load_volume(path)[0], rel=1e-6, abs=0)
