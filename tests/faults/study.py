"""The smallest study that still runs every stage, and what an undisturbed run of it leaves."""

import hashlib
import json
import shutil
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.params.section import RECIPES
from stages.study import layout
from tests.fabricated import ROOT
from tests.settings import settings, texts

COPIED = (
    *("dvc.yaml", "dvc.lock", "data.dvc", "stages", "weights", ".dvcignore"),
    "metrics/atlas-quality",  # of a frozen stage: in Git, as the weights are
)
# frozen: their results are in Git, no run of the study makes them
UNTRIED = {
    "segmenter": "frozen: training takes about 3 hours",
    "segmenter-folds": "frozen: hours, and label maps that are not in Git",
    "atlas": "frozen: building takes minutes",
    "atlas-quality": "frozen: minutes for a method that the default study does not use",
}
ARCHITECTURES = ("unet", "varnet", "rim")
STEPS = 20  # fewer, and the search for a head in the images takes most of the time
PARTIAL = ".partial-"


@dataclass(frozen=True)
class Run:
    """One stage of a finished study: the command that DVC ran and what came out of it."""

    stage: str
    command: tuple[str, ...]
    outs: tuple[Path, ...]


def smallest_params() -> dict[str, Any]:
    """Return the parameters: those of continuous integration with a few steps and draws only."""
    params = deepcopy(settings("ci"))
    params["draws"] = {}
    params["compute"] |= {"device": "cpu", "workers": 2, "checkpoint_minutes": 0.0}
    for architecture in ARCHITECTURES:
        params["train"][architecture] |= {
            "steps": STEPS,
            "snapshot_interval": STEPS // 2,
            "schedule": {"kind": "cosine", "warmup_steps": 1},
        }
    params["segment"]["fast"] = True
    params["phantom"]["pathology"] |= {"heads": 1, "kinds": ["atrophy"]}
    params["analyse"] |= {"bootstrap_draws": 20, "permutations": 19, "subsets": 20}
    return params


def prepare(root: Path) -> None:
    """Make a folder a study under DVC of which nothing has run."""
    root.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    (root / "params.yaml").write_text(yaml.safe_dump(smallest_params(), sort_keys=False))
    recipes = yaml.safe_load(texts("ci")[RECIPES])
    recipes["segmenter"]["quality"] |= {"n_coils": 2}
    (root / RECIPES).write_text(yaml.safe_dump(recipes, sort_keys=False))
    for arguments in (["init", "-q", "--no-scm"], ["config", "core.analytics", "false"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True)


def copy_finished(finished: Path, root: Path) -> None:
    """Copy a finished study, but not what lets DVC fetch a run from its cache: it shall run it."""
    shutil.copytree(finished, root, ignore=shutil.ignore_patterns("runs", "tmp"))


def runs(finished: Path) -> list[Run]:
    """Return what DVC ran, one member of each ensemble: the first of every stage of dvc.yaml.

    dvc.lock may still hold more members, of the default study.

    Raises:
        LookupError: if a stage of dvc.yaml has not run.
    """
    locked = yaml.safe_load((finished / "dvc.lock").read_text())["stages"]
    found = []
    for name in yaml.safe_load((finished / "dvc.yaml").read_text())["stages"]:
        if name in UNTRIED:
            continue
        entries = [entry for key, entry in locked.items() if key.split("@")[0] == name]
        if not entries:
            raise LookupError(f"{finished}/dvc.lock: expected stage {name}, which has not run")
        outs = tuple(Path(out["path"]) for out in entries[0].get("outs", ()))
        found.append(Run(name, tuple(entries[0]["cmd"].split()), outs))
    return found


def cpu_s(finished: Path, job: Run) -> float:
    """Return the CPU-seconds that a stage took undisturbed, from its own note of them."""
    script, *arguments = job.command[2:]
    note = finished / layout.duration(" ".join([script.split(".")[-1], *arguments]))
    return json.loads(note.read_text())["cpu_seconds"]


def digest(path: Path) -> dict[str, str]:
    """Return the MD5 of a file, or of every file below a folder, by relative path.

    Half-written files of killed processes bear names that DVC does not see; they do not count.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return {
        str(file.relative_to(path)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in files
        if not any(part.startswith(PARTIAL) for part in file.parts)
    }


def results(root: Path) -> dict[str, str]:
    """Return the MD5 of every file of metrics/, plots/ and docs/."""
    return {
        f"{folder}/{name}": value
        for folder in ("metrics", "plots", "docs")
        if (root / folder).exists()
        for name, value in digest(root / folder).items()
    }


def left_over(final: Path) -> list[Path]:
    """Return what stands half-written beside a file or folder, on its behalf."""
    return sorted(final.parent.glob(f"{PARTIAL}{final.name}-*"))
