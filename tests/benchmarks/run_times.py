"""What the stages of a finished study took, as the table of docs/run-times.md.

python -m tests.benchmarks.run_times [STUDY] [--write] [--tiny]

Reads what every stage has noted in `work/durations` as it last ran, sums it over the stages of a
script, and measures a plain float32 matrix product on one core: run it on the machine of the study.
Scripts with less than a hundredth of the CPU time are one row. `--write` puts the table between its
markers on the page; `--tiny` prints that of a study of three stages that it makes up.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from stages.storage.files import read_json, write_json
from stages.study import layout
from tests.benchmarks.marked import inserted
from tests.benchmarks.synthseg import matrix_speed
from tests.benchmarks.tiny import parsed
from tests.fabricated import ROOT

PAGE = ROOT / "docs/run-times.md"
NAME = "default study"  # of the markers
LOCK = "dvc.lock"
MODULE = "python -m stages."
SMALL = 0.01  # of all CPU seconds
MIB_IN_GB = 1024**2 / 1e9
MINUTE_S = 60.0
HEADS = ("stage", "number", "wall", "CPU", "memory")
ABOVE = (
    "{cores} cores, {speed:.0f} GFLOP/s on one of them in a plain float32 matrix product. Wall time"
    " is summed over stages, start of Python and of DVC not included; memory is that of the largest"
    " process."
)
UNKNOWN = (
    " {missing} of {all} stages have no record: they came out of DVC's cache or ran elsewhere."
)


@dataclass(frozen=True)
class Row:
    """What stages took together: seconds on the clock, CPU seconds, peak memory of one (MiB)."""

    name: str
    number: int
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @classmethod
    def noted(cls, name: str, note: Mapping[str, float]) -> Self:
        """Return the row of one stage by its note (`stages/machine/durations.py`)."""
        return cls(name, 1, note["seconds"], note["cpu_seconds"], note["peak_mib"])

    @classmethod
    def together(cls, name: str, rows: Sequence["Row"]) -> Self:
        """Return the sum of rows, the largest of their peaks."""
        return cls(
            name,
            sum(row.number for row in rows),
            sum(row.seconds for row in rows),
            sum(row.cpu_seconds for row in rows),
            max(row.peak_mib for row in rows),
        )

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        times = [duration(self.seconds), duration(self.cpu_seconds)]
        return [self.name, str(self.number), *times, f"{self.peak_mib * MIB_IN_GB:.1f} GB"]


def duration(seconds: float) -> str:
    """Return a time in seconds, from two minutes on in minutes."""
    if seconds >= 2 * MINUTE_S:
        return f"{seconds / MINUTE_S:.1f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def records(study: Path) -> tuple[list[Row], int]:
    """Return a row a stage of dvc.lock that left a note, named by its script; how many left none.

    Raises:
        ValueError: if there is no note at all.
    """
    lock = study / LOCK
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.exists() else {}
    found = []
    for stage in stages.values():
        command = str(stage["cmd"]).removeprefix(MODULE)
        path = study / layout.duration(command)
        if path.exists():
            found.append(Row.noted(command.split()[0], read_json(path)))
    if not found:
        raise ValueError(
            f"{study / layout.DURATIONS}: expected notes of the stages in {LOCK}, got none;"
            " name the folder of a study that has run"
        )
    return found, len(stages) - len(found)


def rows(found: Sequence[Row]) -> list[Row]:
    """Return a row a script in the order of the study, one of all small ones, and the sum."""
    whole = Row.together("all", found)
    names = dict.fromkeys(row.name for row in found)
    scripts = [Row.together(name, [r for r in found if r.name == name]) for name in names]
    small = [row for row in scripts if row.cpu_seconds < SMALL * whole.cpu_seconds]
    large = [row for row in scripts if row not in small]
    others = f"{len(small)} others, each less than {SMALL:.0%} of the CPU time"
    return [*large, *([Row.together(others, small)] if small else []), whole]


def page_part(study: Path, cores: int, flops: float) -> str:
    """Return the line of the machine and the table.

    Args:
        study: its folder.
        cores: that it could use.
        flops: floating-point operations a second of a core in a matrix product.
    """
    found, missing = records(study)
    above = ABOVE.format(cores=cores, speed=flops / 1e9)
    above += UNKNOWN.format(missing=missing, all=missing + len(found)) if missing else ""
    cells = [HEADS, ["---"] * len(HEADS), *(row.cells() for row in rows(found))]
    return "\n".join([above, "", *(f"| {' | '.join(line)} |" for line in cells)])


def fabricate(study: Path) -> None:
    """Write the records of three stages."""
    commands = ("train unet 0", "train rim 0", "mask")
    lock = {"stages": {command: {"cmd": MODULE + command} for command in commands}}
    (study / LOCK).write_text(yaml.safe_dump(lock), encoding="utf-8")
    for number, command in enumerate(commands):
        note = {"seconds": 100.0 - 40 * number, "cpu_seconds": 150.0, "peak_mib": 500.0 + number}
        write_json(study / layout.duration(command), note)


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("study", type=Path, nargs="?", default=ROOT, help="its folder; else this")
    parser.add_argument("--write", action="store_true", help=f"to docs/{PAGE.name}")
    options = parsed(parser, arguments, write=False)
    with tempfile.TemporaryDirectory() as folder:
        if options.tiny:
            options.study = Path(folder)
            fabricate(options.study)
        try:
            text = page_part(options.study, len(os.sched_getaffinity(0)), matrix_speed(1))
        except ValueError as error:
            parser.error(str(error))
    print(text)
    if options.write and not options.tiny:
        PAGE.write_text(inserted(PAGE.read_text("utf-8"), NAME, text), encoding="utf-8")


if __name__ == "__main__":
    main()
