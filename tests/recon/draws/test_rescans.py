"""Subjects scanned again as a group of draws: what is drawn, what is said, what is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.recon.draws import rescans
from stages.scanner.acquisition import Acquisition
from stages.scanner.repeated_scan import Pose
from stages.study.errors import StudyError
from tests.scans import write_toy_params


@pytest.fixture
def poses(monkeypatch: pytest.MonkeyPatch, scan) -> list[Pose]:
    """Have a scanner that returns the first scan, and remember the positions asked for."""
    seen: list[Pose] = []

    def scanned(path: Path, pose: Pose, _, __) -> tuple[Acquisition, Iterator[np.ndarray]]:
        assert path == scan.path
        seen.append(pose)
        scanner = Acquisition(scan.shape, 1, scan.n_coils, 50.0, scan.partial_fourier)
        return scanner, iter(scan.read())

    monkeypatch.setattr(rescans, "rescan", scanned)
    return seen


def test_each_member_lies_elsewhere_and_has_its_own_mask(take, poses, scan, tmp_path) -> None:
    write_toy_params(tmp_path, **{"mask.kind": "random"})
    found = [rescans.measure(take("rescans", member=m, batch_size=3)) for m in (0, 1, 0)]
    assert poses[0] == poses[2] != poses[1]
    assert (found[0].mask.mask == found[2].mask.mask).all()
    assert (found[0].mask.mask != found[1].mask.mask).any()
    batches = list(found[0].batches)
    assert [start for start, _ in batches] == [*range(0, scan.n_slices, 3)]
    assert (np.concatenate([kspace for _, kspace in batches]) == scan.read()).all()
    said = dict(found[1].details)
    assert said["HeadShiftMillimetres"] == list(poses[1].shift_mm)
    assert said["HeadRotationDegrees"] == list(poses[1].rotation_degrees)


def test_masks_that_are_read_stay(take, poses, tmp_path) -> None:
    write_toy_params(tmp_path, **{"mask.kind": "file", "mask.files": "masks"})
    one = take("rescans", shift_mm=0.0, rotation_degrees=0.0)
    assert rescans.measure(one).mask is one.mask
    assert poses == [Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))]


def test_a_scan_of_another_matrix_is_refused(take, monkeypatch, tmp_path) -> None:
    write_toy_params(tmp_path)
    other = Acquisition((2, 3, 4), 1, 1, 50.0, 1.0)
    monkeypatch.setattr(rescans, "rescan", lambda *_: (other, iter(())))
    with pytest.raises(StudyError, match=r"expected \(2, 3, 4\) voxels and 1 coils, as section"):
        rescans.measure(take("rescans"))


def test_a_measured_scan_is_refused(take, tmp_path) -> None:
    write_toy_params(tmp_path, **{"mask.kind": "random"})
    with pytest.raises(StudyError, match="expected a scan that section `phantom`"):
        rescans.measure(take("rescans"))
