"""How the answers of the study change with acceleration: several experiments in one curve.

python -m stages response main R3 R8 R10 --out work/response
python -m stages response results/accelerations/* --out work/response   # published studies
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.figures.kit.style import save
from stages.figures.response import OWN, QUANTITIES, Quantity, draw
from stages.machine.entry import entry_point
from stages.pipeline.revisions import leaf, read_revision
from stages.storage.files import atomic_path
from stages.study.errors import StudyError

FLOAT_FORMAT = "%.6g"
COLUMNS = ["revision", "acceleration", "group", "quantity", "value", "low", "high"]
ALWAYS = {"image_quality", "volumes"}  # files that every study with accelerations has


def response(
    accelerations: Mapping[str, float], metrics: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return columns revision, acceleration, group, quantity, value, low, high, by acceleration.

    Args:
        accelerations: revision -> its nominal acceleration.
        metrics: revision -> file in metrics/analyse/, without suffix -> its content.
    """
    rows = [
        (revision, acceleration, group, name, *found)
        for revision, acceleration in accelerations.items()
        for name, quantity in QUANTITIES.items()
        for group in groups(metrics[revision].get(quantity.file, {}), quantity)
        if (found := estimate(metrics[revision][quantity.file], quantity, group))
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"low": float, "high": float})
    return table.sort_values(["acceleration", "revision"], kind="stable", ignore_index=True)


def groups(tree: Mapping[str, Any], quantity: Quantity) -> list[str]:
    """Return the groups that a file of metrics may have a quantity of."""
    place = quantity.keys.index(OWN)
    for key in quantity.keys[:place]:
        tree = tree.get(key, {})
    return list(tree)


def estimate(
    tree: Mapping[str, Any], quantity: Quantity, group: str
) -> tuple[float, float | None, float | None] | None:
    """Return a group's number with the ends of its interval; None where it has no number."""
    *above, last = (key.format(group) for key in quantity.keys)
    value, low, high = (leaf(tree, ".".join([*above, key])) for key in (last, "low", "high"))
    return None if value is None else (value, low, high)


def of_revision(revision: str) -> tuple[float, Mapping[str, Any]]:
    """Return acceleration and metrics of a branch, commit, experiment or published study.

    Raises:
        StudyError: if there is no such revision, or it has no such parameter or metrics.
    """
    files = {quantity.file for quantity in QUANTITIES.values()}
    found = read_revision(revision, ALWAYS, files - ALWAYS)
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
    parser.add_argument(
        "revisions", nargs="+", help="branches, commits, experiments, published studies"
    )
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
