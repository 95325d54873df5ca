"""The command that prints what groups show of implants."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages.commands import dose_response
from stages.study import layout
from stages.study.schema import AFFECTED_VOXELS

NAME = "sub-e0s0implantlesions01"


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of voxels of one scan, and its dose."""
    monkeypatch.chdir(tmp_path)
    row = dict.fromkeys(AFFECTED_VOXELS.columns, 0.25)
    row |= {"group": "unet", "kind": "lesions", "subject": NAME, "change_shown": 0.75}
    AFFECTED_VOXELS.path().parent.mkdir(parents=True)
    pd.DataFrame([row]).to_csv(AFFECTED_VOXELS.path(), index=False)
    write_subjects(NAME)


def write_subjects(name: str) -> None:
    """Write the dose of a scan."""
    layout.TRUTH.mkdir(parents=True, exist_ok=True)
    dose = {"pathology": "lesions", "changed_ml": 1.5, "contrast": 0.61, "asked_contrast": 0.6}
    pd.DataFrame([{"subject": name, **dose}]).to_csv(layout.TRUTH / "subjects.csv", index=False)


def test_rows_and_the_smallest_size(capsys: pytest.CaptureFixture[str]) -> None:
    dose_response.main([])
    rows, smallest = capsys.readouterr().out.strip().split("\n\n")
    size, asked, contrast, n_scans, shown, lowest, auroc = rows.split()[-7:]
    assert (size, asked, contrast, n_scans) == ("1.50", "0.60", "0.61", "1")
    assert (shown, lowest, auroc) == ("0.750", "0.750", "0.250")
    assert smallest.split()[-1] == "1.50"
    dose_response.main(["--shown", "0.8"])
    assert capsys.readouterr().out.split()[-1] == "NaN"


def test_what_is_missing_is_one_line(error_line: Callable[..., str]) -> None:
    assert "--shown: expected above 0 up to 1" in error_line(dose_response.main, ["--shown", "2"])
    write_subjects("sub-other")
    assert "expected scans of `python -m stages implant`" in error_line(dose_response.main, [])
    AFFECTED_VOXELS.path().unlink()
    assert "voxels.csv: expected a CSV table" in error_line(dose_response.main, [])
