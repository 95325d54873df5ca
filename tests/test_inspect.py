"""The script that inspects the cohort."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from stages import inspect
from tests.scans import ROOT, fabricate_scan, write_toy_params

WIDTHS = (20, 22, 24)
TABLES = Path("work/inspection")


def grid(n_kz: int) -> tuple[int, int, int]:
    return (10, 24, n_kz)


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three training scans and two validation scans of mixed widths."""
    for k, n_kz in enumerate(WIDTHS):
        fabricate_scan(tmp_path / f"data/train/e1s{k}_P{k}.7.h5", grid=grid(n_kz), seed=k)
    for k, n_kz in enumerate(WIDTHS[:2]):
        fabricate_scan(tmp_path / f"data/validation/e2s{k}_P{k}.7.h5", grid=grid(n_kz), seed=9 + k)
    write_toy_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults(capsys: pytest.CaptureFixture) -> list[str]:
    """Run the script, which must fail, and return its lines."""
    with pytest.raises(SystemExit) as stopped:
        inspect.main()
    assert stopped.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("f", "e"))]
    found = [line.removeprefix("fault: ") for line in lines if line.startswith("fault: ")]
    assert lines[-1].startswith(f"error: data: expected scans without fault, got {len(found)} in ")
    assert not TABLES.exists()
    return found


def rows(name: str) -> list[dict[str, str]]:
    with open(TABLES / name, newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_sound_cohort_of_mixed_widths(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    inspect.main()
    scans = rows("scans.csv")
    assert [(row["split"], row["n_kz"]) for row in scans] == [
        *(("train", str(n)) for n in WIDTHS),
        *(("validation", str(n)) for n in WIDTHS[:2]),
    ]
    assert [row["acquired_columns"] for row in scans] == ["17", "19", "21", "17", "19"]
    assert len({row["sha256"] for row in scans}) == 5
    assert [row["n_scans"] for row in rows("matrices.csv")] == ["1"] * 5
    told = capsys.readouterr()
    assert "train, 10 x 24 x 22: 1" in told.out
    assert "warning" not in told.err


def test_the_tables_do_not_depend_on_how_many_files_are_read_at_a_time(cohort: Path) -> None:
    inspect.main()
    alone = {path.name: path.read_bytes() for path in TABLES.iterdir()}
    write_toy_params(cohort, **{"compute.workers": 3})
    inspect.main()
    assert {path.name: path.read_bytes() for path in TABLES.iterdir()} == alone


def test_all_faults_of_all_files(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    train, validation = cohort / "data/train", cohort / "data/validation"
    with h5py.File(train / "e1s0_P0.7.h5", "r+") as file:
        file["kspace"][2, 3, 4, 5] = np.nan
        file["kspace"][7] = 0
    content = (train / "e1s1_P1.7.h5").read_bytes()
    (train / "e1s1_P1.7.h5").write_bytes(content[: len(content) // 2])
    fabricate_scan(train / "e9.h5", grid=grid(20), n_coils=3)
    (validation / "e2-s0_P07.h5").write_bytes((validation / "e2s0_P0.7.h5").read_bytes())
    found = faults(capsys)
    expected = [
        ("data/train/e1s0_P0.7.h5", "NaN or infinity in slice 2"),
        ("data/train/e1s0_P0.7.h5", "zeros in slice 7"),
        ("data/train/e1s1_P1.7.h5", "truncated"),
        ("data/train/e9.h5", "expected 8 channels"),
        ("data/validation/e2-s0_P07.h5 and data/validation/e2s0_P0.7.h5", "a label each"),
        ("data/validation/e2-s0_P07.h5 and data/validation/e2s0_P0.7.h5", "got the same"),
    ]
    assert len(found) == len(expected)
    for line, (start, message) in zip(found, expected, strict=True):
        assert line.startswith(f"{start}: ")
        assert message in line


def test_a_failed_inspection_leaves_the_tables_of_the_last(cohort: Path) -> None:
    inspect.main()
    before = (TABLES / "scans.csv").read_bytes()
    (cohort / "data/train/e1s1_P1.7.h5").write_text("hello")
    with pytest.raises(SystemExit):
        inspect.main()
    assert (TABLES / "scans.csv").read_bytes() == before


def test_missing_folders_and_listed_files(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    lists = {
        "data.train_files": ["e1s0_P0.7.h5", "gone.h5", "e1s0_P0.7.h5", "sub/e1s1_P1.7.h5"],
        "data.validation": "nowhere",
    }
    write_toy_params(cohort, **lists)
    found = faults(capsys)
    assert [line.split(":")[0] for line in found] == ["data/train"] * 3 + ["data/nowhere"]
    assert "expected a folder of h5 scans" in found[-1]


def test_lists_choose_what_is_read(cohort: Path) -> None:
    (cohort / "data/train/e1s0_P0.7.h5").write_text("not listed, not read")
    write_toy_params(cohort, **{"data.train_files": ["e1s2_P2.7.h5", "e1s1_P1.7.h5"]})
    inspect.main()
    assert [row["file"] for row in rows("scans.csv")][:2] == ["e1s1_P1.7.h5", "e1s2_P2.7.h5"]


def test_one_folder_for_both(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    one = {"data.validation": "train"}
    write_toy_params(cohort, **one)
    found = faults(capsys)
    assert len(found) == 3
    assert all("expected in training or in validation, got it in both" in line for line in found)
    parts = {"data.train_files": ["e1s0_P0.7.h5"], "data.validation_files": ["e1s2_P2.7.h5"]}
    write_toy_params(cohort, **one, **parts)
    inspect.main()
    assert [row["split"] for row in rows("scans.csv")] == ["train", "validation"]


def test_the_same_scan_in_both_folders(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    scan = cohort / "data/train/e1s0_P0.7.h5"
    (cohort / "data/validation/e1s0_P0.7.h5").write_bytes(scan.read_bytes())
    label, content = faults(capsys)
    assert "got sub-e1s0P07 for all" in label
    assert "expected different values, got the same" in content


def test_warnings_do_not_fail(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    fabricate_scan(
        cohort / "data/train/e14313s5_P37888.7.h5", grid=grid(20), seed=30, partial_fourier=1.0
    )
    inspect.main()
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("warning: ")]
    assert len(lines) == 2
    assert "kz column 17-19 of 20 holds signal" in lines[0]
    assert "of the challenge's validation set" in lines[1]


def test_a_name_in_a_c_locale_is_one_line(cohort: Path) -> None:
    scan = cohort / "data/train/e1s0_P0.7.h5"
    scan.rename(scan.with_name("scan ä.h5"))
    command = [sys.executable, "-m", "stages.inspect"]
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment, code in ((plain, 1), ({"LC_ALL": "C.UTF-8"}, 0)):
        done = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert ("export LC_ALL=C.UTF-8" in done.stderr) == bool(code)
    assert [row["file"] for row in rows("scans.csv")][2] == "scan ä.h5"


def test_what_is_left_out_is_named(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    (cohort / "data/train/e1s9.mat").touch()
    scan = cohort / "data/train/e1s0_P0.7.h5"
    scan.rename(scan.with_name("E1S0.H5"))
    inspect.main()
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("warning: ")]
    assert line.startswith("warning: data/train: left out e1s9.mat")
    assert "E1S0.H5" in [row["file"] for row in rows("scans.csv")]


def test_parameters_say_how_files_were_written(cohort: Path, capsys: pytest.CaptureFixture) -> None:
    for path in (cohort / "data").glob("*/*.h5"):
        with h5py.File(path, "r+") as file:
            signs = np.outer((-1.0) ** np.arange(24), (-1.0) ** np.arange(file["kspace"].shape[2]))
            file["kspace"][:] *= signs[..., None].astype(np.float32)
    found = faults(capsys)
    assert len(found) == 5
    assert all("set data.centred_transform: true" in line for line in found)
    write_toy_params(cohort, **{"data.centred_transform": True})
    inspect.main()
    write_toy_params(cohort, **{"data.acquired": "circle"})
    with pytest.raises(SystemExit):
        inspect.main()
    assert "'data.acquired'" in capsys.readouterr().err
