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

from stages.audit.writing import environment
from stages.params.data import LEARNED
from stages.params.section import RECIPE_SECTIONS, SECTIONS
from stages.params.train import SELECTION, TrainParams
from stages.provenance.code import scripts
from stages.study import layout
from tests.fabricated import ARCHITECTURES, ROOT

COPIED = (
    "dvc.yaml",
    "params.yaml",
    "params.segmenters.yaml",
    "data.dvc",
    "stages",
    "weights",
    ".dvcignore",
)
OF_A_TRAINING = ("train", "select")


def stages() -> dict[str, dict]:
    """Return the stages of dvc.yaml with merges resolved."""
    found = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage) for name, stage in found.items()}


def audit_stages() -> dict[str, dict]:
    """Return the stages of the graphs that `init-audit` writes, with and without a reference."""
    found = {}
    for kind, others in (("images", True), ("images", False), ("volumes", True)):
        names = ["mine", "reference"] if others else ["mine"]
        shown = [
            {
                "name": n,
                "from": n,
                "control": None,
                "sources": [],
                "target": n == "reference",
                "leads": not others,
            }
            for n in names
        ]
        template = environment().get_template(f"{kind}.yaml.j2")
        where = {"wdir": "", "reference": others, "reference_listed": others}
        graph = yaml.safe_load(template.render(groups=shown, weights="a.npz", **where))["stages"]
        found |= {f"{kind} {others} {name}": stage for name, stage in graph.items()}
    return found


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


def changed(content: dict, change: dict[str, object]) -> dict:
    """Return parameters of which those of dotted names have changed."""
    for dotted, value in change.items():
        *path, key = dotted.split(".")
        part = content
        for name in path:
            part = part[name]
        part[key] = value
    return content


def plan(folder: Path, change: dict[str, object]) -> list[str]:
    """Return the stages that DVC would run after dotted parameters have changed."""
    file = folder / "params.yaml"
    before = file.read_text()
    try:
        file.write_text(yaml.safe_dump(changed(yaml.safe_load(before), change)))
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
        f"select-rim@rim-{new}",
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
    assert len(members) == 4 * len(seeds)
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


def test_another_rule_for_the_kept_weights_trains_nothing(finished: Path) -> None:
    for change in ({"train.rim.keep": "best_psnr"}, {"train.rim.validation_slices": 7}):
        todo = plan(finished, change)
        assert "select-rim@rim-0" in todo
        assert "reconstruct-rim@rim-0" in todo
        assert not [s for s in todo if s.startswith("train-") or "unet" in s or "varnet" in s]


@pytest.mark.parametrize(
    "change",
    [
        {"data.validation_files": ["new.h5"]},
        {"data.monitor_files": ["new.h5"]},
        {"data.voxel_size_mm": [3.0, 3.0, 3.0]},
    ],
)
def test_scans_that_no_network_learns_from_train_nothing(
    change: dict[str, object], finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    shutil.copytree(finished, folder, symlinks=True)
    new = [folder / "data/validation/new.h5"]
    new += [folder / f"work/masks/{part}/sub-new_mask.npz" for part in ("validation", "monitor")]
    for path in new:
        fabricate(path, "a new scan")
    file = folder / "params.yaml"
    file.write_text(yaml.safe_dump(changed(yaml.safe_load(file.read_text()), change)))
    dvc(folder, "commit", "-f", "-q", "data.dvc", "inspect", "mask")  # as if these had run
    todo = re.findall(r"^Running stage '(.+)':", dvc(folder, "repro", "--dry"), re.MULTILINE)
    assert {"select-unet@unet-0", "reconstruct-varnet@varnet-0", "noise@0"} <= set(todo)
    assert not [stage for stage in todo if stage.startswith("train-")]


def test_a_training_depends_on_all_parameters_but_those_of_the_selection() -> None:
    own = [f"train.${{item.arch}}.{key}" for key in TrainParams.model_fields]
    chosen = [f"train.${{item.arch}}.{key}" for key in SELECTION]
    data = [f"data.{key}" for key in LEARNED]
    compute = ["compute.device", "compute.threads", "compute.compile"]
    for name in ARCHITECTURES:
        training, selection = (set(stages()[f"{kind}-{name}"]["params"]) for kind in OF_A_TRAINING)
        assert training == {*own, *data, *compute} - set(chosen)
        assert selection == {*chosen, "data", "compute.device", "compute.threads"}


def test_statistics_leave_the_images_alone(finished: Path) -> None:
    todo = plan(finished, {"analyse.subject_pattern": "(.*)"})
    assert todo == ["check", "analyse", "report", "cards"]


def test_acceleration_leaves_reference_and_noise_alone(finished: Path) -> None:
    todo = plan(finished, {"mask.acceleration": 10.0})
    assert "train-unet@unet-0" in todo
    assert not [s for s in todo if s.startswith(("reference", "noise", "phantom", "segment-noise"))]


def test_every_stage_depends_on_the_record_of_its_script() -> None:
    scripts_of = {name: modules_of(stage) for name, stage in stages().items()}
    elsewhere = {m for stage in audit_stages().values() for m in modules_of(stage)}
    assert set().union(*scripts_of.values(), elsewhere) == set(scripts(ROOT))
    for name, stage in stages().items():
        expected = ["stages"] if name == "code" else records(scripts_of[name])
        if name == "report":  # tells of them all
            expected = [layout.CODE.as_posix()]
        found = [d for d in stage["deps"] if "code" in d or d == "stages"]
        assert found == expected, name


def test_every_stage_of_an_audit_depends_on_the_record_of_its_script() -> None:
    for name, stage in audit_stages().items():
        last = name.split()[-1]
        expected = ["stages"] if last == "code" else records(modules_of(stage))
        if last == "report":
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
