"""What differs from run to run: revision, machine, and how long each stage took.

None of it may stand in plots/report/report.html, which is in Git and the same bytes twice: a file
cannot name the commit that holds it. `python -m stages publish` adds it to a report below work/.
Durations come from the notes that scripts leave in work/durations, one a command
(`stages/machine/durations.py`). A stage that DVC took from its cache has not run here and has none.
"""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from stages.figures.kit.phrasing import number
from stages.storage.files import read_json
from stages.study import layout

GIB = 1 << 30  # bytes
LOCK = Path("dvc.lock")
CPU_INFO = Path("/proc/cpuinfo")
CLEAN, CHANGED = "as committed", "with uncommitted changes"


@dataclass(frozen=True)
class Record:
    """Where and how long the study was run, as text."""

    facts: list[tuple[str, str]]
    """(name, value)."""
    durations: list[tuple[str, str, str, str]]
    """(stage, seconds, CPU seconds, peak MiB)."""
    remark: str


def take(gpu: str) -> Record:
    """Return the record of this folder and machine.

    Args:
        gpu: name of the GPU, or what to print where there is none.
    """
    found, missing = durations()
    where = [("revision", revision()), *machine(), ("GPU", gpu)]
    remark = "Wall time of the last run of each stage here, start of Python not included."
    if missing:
        remark += (
            f" {missing} stages have no record: they came out of DVC's cache or ran elsewhere."
        )
    return Record(where, found, remark)


def revision() -> str:
    """Return the commit of the working tree, and whether tracked files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "not in Git"
    return f"{commit}, {CHANGED if _git('status', '--porcelain', '-uno') else CLEAN}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> list[tuple[str, str]]:
    """Return processor, cores, memory and system; no name of the machine or its user."""
    memory = psutil.virtual_memory().total / GIB
    return [
        ("processor", processor()),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("memory", f"{number(memory, 1)} GiB"),
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
    ]


def processor() -> str:
    """Return the model of the CPU, or its architecture where the system does not name it."""
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def durations() -> tuple[list[tuple[str, str, str, str]], int]:
    """Return the stages of dvc.lock that left a note of their last run, and how many left none."""
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"] if LOCK.exists() else {}
    found = []
    for name, stage in stages.items():
        path = layout.duration(str(stage["cmd"]).removeprefix("python -m stages."))
        if path.exists():
            note = read_json(path)
            parts = (note["seconds"], note["cpu_seconds"], note["peak_mib"])
            digits = (1, 1, 0)
            written = (number(v, n) for v, n in zip(parts, digits, strict=True))
            found.append((name, *written))
    return found, len(stages) - len(found)
