"""How the answers of the study change with acceleration: several experiments in one curve.

python -m stages response main R3 R8 R10 --out work/response
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from stages.figures.kit.style import save
from stages.figures.response import QUANTITIES, draw
from stages.machine.entry import entry_point
from stages.pipeline.revisions import leaf, read_revision
from stages.storage.files import atomic_path
from stages.study.errors import StudyError

FLOAT_FORMAT = "%.6g"


def response(
    accelerations: dict[str, float], metrics: dict[str, dict[str, dict[str, Any]]]
) -> pd.DataFrame:
    """Return columns revision, acceleration, group, quantity, value, sorted by acceleration.

    Args:
        accelerations: revision -> its nominal acceleration.
        metrics: revision -> file in metrics/analyse/, without suffix -> its content by group.
    """
    rows = [
        (revision, acceleration, group, name, value)
        for revision, acceleration in accelerations.items()
        for name, quantity in QUANTITIES.items()
        for group in metrics[revision].get(quantity.file, {})
        if (value := leaf(metrics[revision][quantity.file][group], quantity.key)) is not None
    ]
    columns = ["revision", "acceleration", "group", "quantity", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["acceleration", "revision"], kind="stable", ignore_index=True)


def of_revision(revision: str) -> tuple[float, dict[str, dict[str, Any]]]:
    """Return acceleration and metrics of a branch, commit or experiment of this repository.

    Raises:
        StudyError: if there is no such revision, or it has no such parameter or metrics.
    """
    found = read_revision(revision, {quantity.file for quantity in QUANTITIES.values()})
    acceleration = leaf(found.params, "mask.acceleration")
    if acceleration is None:
        raise StudyError(
            f"revision '{revision}': expected the parameter mask.acceleration, found none; see"
            " `dvc exp show` for the names of finished studies"
        )
    return acceleration, found.metrics


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write `response.csv` and `response.png`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revisions", nargs="+", help="branches, commits or names of experiments")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args(arguments)
    accelerations, metrics = {}, {}
    for revision in dict.fromkeys(options.revisions):
        accelerations[revision], metrics[revision] = of_revision(revision)
    if len(set(accelerations.values())) < 2:
        raise StudyError(
            f"revisions {', '.join(accelerations)}: expected at least two accelerations, got"
            f" {sorted(set(accelerations.values()))}; run `dvc exp run -S mask.acceleration=10`"
        )
    table = response(accelerations, metrics)
    options.out.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.out / "response.csv") as path:
        table.to_csv(path, index=False, float_format=FLOAT_FORMAT)
    save(draw(table), options.out / "response.png")
