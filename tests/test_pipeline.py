"""The graph of stages: DVC's own plan after a change, and dependencies against real imports."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from stages.params.section import RECIPE_SECTIONS, SECTIONS
from stages.provenance.code import scripts
from stages.study import layout
from tests.fabricated import ROOT

COPIED = (
    "dvc.yaml",
    "params.yaml",
    "params.segmenters.yaml",
    "data.dvc",
    "stages",
    "weights",
    ".dvcignore",
)


def stages() -> dict[str, dict]:
    """Return the stages of dvc.yaml with merges resolved."""
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def modules_of(stage: dict) -> list[str]:
    """Return the modules that a stage's command runs."""
    words = stage["cmd"].split()
    return [after for word, after in pairwise(words) if word == "-m"]


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
    """Put something of its own under the name of every output, and what others need below it."""
    with Repo(str(folder)) as repo:
        all_stages = list(repo.index.stages)
    outputs = {Path(out.fs_path): s.addressing for s in all_stages for out in s.outs}
    for path, address in outputs.items():
        fabricate(path, address)
    for path in {Path(dep.fs_path) for s in all_stages for dep in s.deps}:
        if set(path.parents) & set(outputs):
            fabricate(path, path.name)


def fabricate(path: Path, content: str) -> None:
    """Write a file, or a folder with a file in it."""
    file = path if path.suffix else path / "out"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


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
    assert plan(finished, {}) == ["check"]  # the file itself was written anew, in another style


def test_one_more_seed_trains_one_model(finished: Path) -> None:
    seeds = yaml.safe_load((finished / "params.yaml").read_text())["ensembles"]["rim"]
    new = max(seeds) + 1
    todo = plan(finished, {"ensembles.rim": [*seeds, new]})
    assert todo == [
        "check",
        f"train-rim@rim-{new}",
        f"reconstruct-rim@rim-{new}",
        f"segment-rim@rim-{new}",
        "image-quality@rim",
        "measure@rim",
        "overlap@rim",
        "deformation@rim",
        "analyse",
        "pathology",
        "report",
        "cards",
    ]


def test_a_learning_rate_touches_its_architecture_alone(finished: Path) -> None:
    todo = plan(finished, {"train.rim.learning_rate": 0.123})
    seeds = yaml.safe_load((finished / "params.yaml").read_text())["ensembles"]["rim"]
    members = [s for s in todo if "@rim-" in s]
    assert len(members) == 3 * len(seeds)
    assert set(todo) - set(members) == {
        "check",
        "image-quality@rim",
        "measure@rim",
        "overlap@rim",
        "deformation@rim",
        "analyse",
        "pathology",
        "report",
        "cards",
    }


def test_statistics_leave_the_images_alone(finished: Path) -> None:
    todo = plan(finished, {"analyse.subject_pattern": "(.*)"})
    assert todo == ["check", "analyse", "report", "cards"]


def test_acceleration_leaves_reference_and_noise_alone(finished: Path) -> None:
    todo = plan(finished, {"mask.acceleration": 10.0})
    assert "train-unet@unet-0" in todo
    assert not [s for s in todo if s.startswith(("reference", "noise", "phantom", "segment-noise"))]


def test_every_stage_depends_on_the_record_of_its_script() -> None:
    scripts_of = {name: modules_of(stage) for name, stage in stages().items()}
    assert set().union(*scripts_of.values()) == set(scripts(ROOT))
    for name, stage in stages().items():
        expected = ["stages"] if name == "code" else records(scripts_of[name])
        if name == "report":  # tells of them all
            expected = [layout.CODE.as_posix()]
        found = [d for d in stage["deps"] if "code" in d or d == "stages"]
        assert found == expected, name


def test_the_report_depends_on_the_parameters_of_all_stages() -> None:
    apart = ("code", "cards")  # the latter makes pages of its own
    running = [s for name, s in stages().items() if name not in apart and not s.get("frozen")]
    report = stages()["report"]
    whole = {name for stage in running for name in sections(stage)}
    assert sections(report) == whole | {*SECTIONS, *RECIPE_SECTIONS}


def sections(stage: dict) -> set[str]:
    """Return the sections of all parameter files that a stage depends on."""
    found = set()
    for entry in stage.get("params", []):
        names = (
            [name for keys in entry.values() for name in keys]
            if isinstance(entry, dict)
            else [entry]
        )
        found |= {name.split(".")[0] for name in names}
    return found


def records(modules: list[str]) -> list[str]:
    """Return the records of the code of some scripts."""
    return [f"work/code/{module.removeprefix('stages.')}.json" for module in modules]
