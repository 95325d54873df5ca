"""Where k-space is kept."""

from pathlib import Path

import pytest
import torch

from stages.recon.learned import cache
from stages.recon.learned.cache import fastest, free_host_bytes, place
from stages.study.errors import StudyError
from tests.recon.conftest import CPU

CUDA = torch.device("cuda")
SMALL, LARGE = 1000, 10**15  # values


def free(monkeypatch: pytest.MonkeyPatch, device: int, host: int) -> None:
    """Give the machine so many bytes of free memory."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (device, 2 * device))
    monkeypatch.setattr(cache, "free_host_bytes", lambda: host)


@pytest.mark.parametrize(
    ("device", "host", "expected"),
    [(16000, 0, "device"), (15999, 16000, "host"), (15999, 15999, "none")],
)
def test_the_fastest_place_with_room_to_spare(
    device: int, host: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, device, host)
    assert place("auto", SMALL, CUDA) == expected  # 8 kB


def test_a_cpu_has_one_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    free(monkeypatch, 0, 10**6)
    assert place("device", SMALL, CPU) == place("auto", SMALL, CPU) == "host"
    assert place("none", LARGE, CPU) == place("auto", LARGE, CPU) == "none"
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "k-space of the training slices: 0.00 GB, kept in host memory"
    assert lines[2] == "k-space of the training slices: 8000000.00 GB, kept in the files"


def test_a_place_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 7999, 8000)
    assert place("host", SMALL, CUDA) == "host"
    with pytest.raises(StudyError, match=r"'compute\.cache' is device, where .* set auto or none"):
        place("device", SMALL, CUDA)
    with pytest.raises(StudyError, match=r"need 8000000\.00 GB; got 0\.00 GB that are free"):
        place("host", LARGE, CPU)


def test_half_a_place_is_left_to_others() -> None:
    assert fastest({"host": 100}, 50) == "host"
    assert fastest({"host": 100}, 51) == "none"


def test_the_limit_of_a_control_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CGROUPS", tmp_path)
    monkeypatch.setattr(cache, "OWN_CGROUP", tmp_path / "own")
    without = free_host_bytes()
    assert without > 0
    (tmp_path / "own").write_text("0::/job/step\n")
    write_group(tmp_path / "job/step", "max", 700)
    assert free_host_bytes() > 1000
    write_group(tmp_path / "job", "1000", 700)
    assert free_host_bytes() == 1000 - 700 + 50


def write_group(folder: Path, limit: str, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text("anon 650\ninactive_file 50\n")
