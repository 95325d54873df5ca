"""The planner on a tiny study: real pieces, timed in this process."""

import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from dvc.repo import Repo

from stages.commands import plan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.centre import disk
from stages.kspace.masks.challenge import RADIUS
from stages.params.compute import ComputeParams
from stages.params.mask import MaskParams
from stages.pipeline import probes, timing
from stages.pipeline.costs import Timed
from stages.pipeline.probes import probe, start_of
from stages.pipeline.timing import Sample
from stages.study.errors import StudyError
from tests.scans import GRID, N_COILS, PARTIAL_FOURIER, ROOT, write_toy_params, write_toy_study

START_S = 3.0
KIND = "uniform_poisson"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tiny study under DVC with scans of its own, of which no stage has run."""
    Repo.init(str(tmp_path), no_scm=True).close()
    write_toy_study(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    shutil.copytree(ROOT / "weights", tmp_path / "weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "start_of", lambda script: Timed(START_S, 1e8))
    monkeypatch.setattr(plan, "probe", in_this_process)
    monkeypatch.setattr(timing, "ENOUGH_S", 0.0)
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield tmp_path
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def in_this_process(name: str, *arguments: object) -> dict[str, Timed]:
    """Time without the seconds that a new process takes to import torch."""
    return getattr(timing, name)(*arguments)


def printed(capsys: pytest.CaptureFixture[str], *targets: str) -> tuple[dict[str, list[str]], str]:
    """Run the planner; return the cells of its rows by their first, and all that it said."""
    plan.main([*targets, "--device", "cpu"])
    said = capsys.readouterr().out
    rows = [re.split(r"\s{2,}", line.strip()) for line in said.splitlines() if line]
    return {row[0]: row[1:] for row in rows}, said


def seconds(cell: str) -> float:
    """Return the seconds of a printed time."""
    number, unit = cell.split()
    return float(number) * {"s": 1.0, "min": 60.0, "h": 3600.0}[unit]


def test_a_table_of_what_is_out_of_date(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, said = printed(capsys, "segment-unet")
    assert [rows[name][0] for name in ("mask", "train-unet", "segment-unet")] == ["1", "2", "2"]
    for name in (
        "code",
        "mask",
        *(f"{s}-unet" for s in ("train", "select", "reconstruct", "segment")),
    ):
        one, every, where = rows[name][1:4]
        assert START_S <= seconds(one) <= seconds(every) < 600
        assert where == "CPU"
        assert all(math.isfinite(float(cell)) for cell in rows[name][4:])
    assert "train-varnet" not in rows
    assert "0.00 GPU-hours" in said
    assert "`dvc repro code` takes seconds" in said
    assert "slices of data/validation/e2s0_P0.7.h5 (6 x 24 x 20, 4 coils)" in said


def test_more_steps_take_longer_and_nothing_is_written(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(study.rglob("*.[hyjn]*"))
    few, _ = printed(capsys, "train-unet")
    write_toy_params(study, **{"train.unet.steps": 100_000})
    many, said = printed(capsys, "train-unet")
    assert seconds(many["train-unet"][1]) > 10 * seconds(few["train-unet"][1])
    assert re.search(r"one after the other: .* at least", said)
    assert sorted(study.rglob("*.[hyjn]*")) == before


def sample(files: str | None) -> Sample:
    """Return what is timed without data, with drawn masks or those of a folder."""
    mask = MaskParams.load(ROOT / "params.yaml").model_copy(
        update={"acceleration": 3.0, "files": files, "kind": "challenge" if files else KIND}
    )
    layout = ScanFormat(N_COILS, PARTIAL_FOURIER, (2.0, 2.0, 2.0))
    return Sample((2, 48, 44) if files else GRID, layout, None, mask)


def test_pieces_are_positive_and_finite() -> None:
    assert sample(None).kspace(3).shape == (3, N_COILS, *GRID[1:])
    found = probe("files", sample(None), ComputeParams.load(ROOT / "params.yaml"))
    assert set(found) == {"read", "reference", "noise", "save", "load", "quality", "mask"}
    for timed in found.values():
        assert 0 < timed.seconds < 10
        assert timed.memory_bytes > 1e7


def test_masks_from_files_are_read_not_drawn(tmp_path: Path) -> None:
    masks = np.broadcast_to(disk((48, 44), RADIUS), (3, 48, 44)).astype(np.int8)
    np.save(tmp_path / "R3_48x44.npy", masks)
    found = sample(str(tmp_path)).drawn()
    np.testing.assert_array_equal(found.mask, found.calibration)  # no drawn mask is a bare disk
    (tmp_path / "R3_48x44.npy").unlink()
    with pytest.raises(StudyError, match=r"R3_48x44\.npy"):
        sample(str(tmp_path)).drawn()


def test_what_goes_wrong_in_a_probe_is_one_line() -> None:
    with pytest.raises(StudyError, match="stages/nothing.py: expected a module"):
        start_of("nothing")
    assert start_of("code").seconds > 0
    assert timing.__name__ == probes.TIMING


@pytest.mark.parametrize(
    ("time", "expected"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1.0 min"), (5400, "1.5 h"), (86_400 * 3, "3.0 d")],
)
def test_durations(time: float, expected: str) -> None:
    assert plan.duration(time) == expected
