"""What all tests share: the same examples every time, and the environment of a user's shell."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from tqdm import tqdm

# a suite that decides about a change must give the same answer twice; a busy machine is no failure
settings.register_profile("study", derandomize=True, deadline=None)
settings.load_profile("study")

# scripts that the tests start write no byte code into the tree
os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture
def study(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fabricated study of the module's `STUDY`, in the current directory."""
    from tests.fabricated import write_study  # torch and SimpleITK, which few tests need

    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, request.module.STUDY)
    return tmp_path


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Calls what must end with exit code 1 and one line `error: ...`, and returns the line."""

    def failing(call: Callable[..., object], *arguments: object) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            call(*arguments)
        assert stopped.value.code == 1
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
        return line

    return failing


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[tqdm]:
    """The progress bars of the study that a test opens, in their order."""
    opened: list[tqdm] = []

    class Noted(tqdm):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr("stages.machine.progress.tqdm", Noted)
    return opened


@pytest.fixture(scope="session")
def further_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small weights of a network and a parcellation: fine.npz, parc.h5."""
    from tests.segmenters.synthseg.further import write_further  # torch, which few tests need

    return write_further(tmp_path_factory.mktemp("further"))
