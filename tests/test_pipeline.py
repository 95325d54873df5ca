"""The graph of stages: DVC's own plan after a change, and dependencies against real imports."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from tests.imports import ROOT, doors, listed, module_file, needed, stages

COPIED = ("dvc.yaml", "params.yaml", "data.dvc", "stages", ".dvcignore")


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC in a folder and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fabricate_outputs(folder: Path) -> None:
    """Put something of its own under the name of every output of every stage."""
    with Repo(str(folder)) as repo:
        outputs = [(s.addressing, Path(o.fs_path)) for s in repo.index.stages for o in s.outs]
    for address, path in outputs:
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(address)
            continue
        # the scans need the folders that other stages depend on
        for part in ("train", "validation", "truth") if path.name in ("phantom", "data") else ("",):
            (path / part).mkdir(parents=True, exist_ok=True)
            (path / part / "out").write_text("scan" if part else address)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which every stage is recorded as done."""
    folder = tmp_path_factory.mktemp("study")
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    dvc(folder, "init", "-q", "--no-scm")
    dvc(folder, "config", "core.analytics", "false")
    fabricate_outputs(folder)
    dvc(folder, "commit", "-f", "-q")
    return folder


def plan(folder: Path, change: dict[str, object]) -> list[str]:
    """Return the stages that DVC would run after dotted parameters have changed."""
    file = folder / "params.yaml"
    before = file.read_text()
    content = yaml.safe_load(before)
    for dotted, value in change.items():
        *path, key = dotted.split(".")
        part = content
        for name in path:
            part = part[name]
        part[key] = value
    try:
        file.write_text(yaml.safe_dump(content))
        printed = dvc(folder, "repro", "--dry", "--force-downstream")
    finally:
        file.write_text(before)
    return re.findall(r"^Running stage '(.+)':", printed, re.MULTILINE)


def test_finished_study_has_nothing_to_do(finished: Path) -> None:
    assert plan(finished, {}) == ["params"]  # the file itself was written anew, in another style


def test_one_more_seed_trains_one_model(finished: Path) -> None:
    seeds = yaml.safe_load((finished / "params.yaml").read_text())["ensembles"]["rim"]
    new = max(seeds) + 1
    todo = plan(finished, {"ensembles.rim": [*seeds, new]})
    assert todo == [
        "params",
        f"train-rim@rim-{new}",
        f"reconstruct-rim@rim-{new}",
        f"segment-rim@rim-{new}",
        "measure@rim",
        "analyse",
        "report",
    ]


def test_a_learning_rate_touches_its_architecture_alone(finished: Path) -> None:
    todo = plan(finished, {"train.rim.learning_rate": 0.123})
    seeds = yaml.safe_load((finished / "params.yaml").read_text())["ensembles"]["rim"]
    members = [s for s in todo if "@rim-" in s]
    assert len(members) == 3 * len(seeds)
    assert set(todo) - set(members) == {"params", "measure@rim", "analyse", "report"}


def test_statistics_leave_the_images_alone(finished: Path) -> None:
    todo = plan(finished, {"analyse.exam_pattern": "(.*)"})
    assert todo == ["params", "analyse", "report"]


def test_acceleration_leaves_reference_and_noise_alone(finished: Path) -> None:
    todo = plan(finished, {"mask.acceleration": 10.0})
    assert "train-unet@unet-0" in todo
    assert not [s for s in todo if s.startswith(("reference", "noise", "phantom", "segment-noise"))]


@pytest.mark.parametrize("name", stages())
def test_a_stage_lists_the_code_it_runs(name: str) -> None:
    stage = stages()[name]
    assert needed(stage) == {f for f in listed(stage) if f.endswith(".py")}


def test_every_stage_runs_a_door() -> None:
    for name, stage in stages().items():
        assert doors(stage), name
        assert all(module_file(door) for door in doors(stage)), name


def test_rooms_do_not_import_doors() -> None:
    from tests.imports import imported

    scripts = {door for stage in stages().values() for door in doors(stage)}
    for path in (ROOT / "stages").glob("*/*.py"):
        assert not imported(path.relative_to(ROOT)) & scripts, path


@pytest.mark.parametrize("room", ["uncertainty", "figures"])
def test_statistics_and_figures_need_no_torch(room: str) -> None:
    for path in (ROOT / "stages" / room).glob("*.py"):
        assert not re.search(r"^\s*(import|from) (torch|direct)\b", path.read_text(), re.MULTILINE)
