"""The answers of several versions of the study side by side, e.g. of two segmenters.

python -m stages compare main atlas --out work/compare
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.figures.compare import draw
from stages.figures.kit.style import save
from stages.machine.entry import entry_point
from stages.pipeline.revisions import Revision, differing, leaf, read_revision
from stages.storage.files import atomic_path
from stages.study.errors import StudyError

FLOAT_FORMAT = "%.6g"
FILES = ("volumes", "surrogates", "prediction")
BY_STRUCTURE = ("cv", "bias", "bias_truth")  # of metrics/analyse/volumes.json
R2 = "within_structure_r2"  # of metrics/analyse/surrogates.json
COLUMNS = ["revision", "group", "quantity", "item", "value", "low", "high"]
Row = tuple[str, str, str, str, float, float | None, float | None]


def volume_rows(revision: Revision) -> Iterator[Row]:
    """Yield CV and biases (%) of every group and structure; the median over all as `median`."""
    for group, tree in revision.metrics["volumes"].items():
        for quantity in BY_STRUCTURE:
            for item, value in tree.get(quantity, {}).items():
                yield revision.name, group, quantity, item, value, None, None


def r2_rows(revision: Revision) -> Iterator[Row]:
    """Yield R^2 of CV in sample, which has no interval: of surrogates, and the paper's."""
    for group, tree in revision.metrics["surrogates"].items():
        for item, found in tree.items():
            if (value := leaf(found, R2)) is not None:
                yield revision.name, group, "surrogate_r2", item, value, None, None
    for group, tree in revision.metrics["prediction"].items():
        for item, value in tree.get("r2", {}).items():
            yield revision.name, group, "regression_r2", item, value, None, None


def comparison(revisions: list[Revision]) -> pd.DataFrame:
    """Return columns revision, group, quantity, item, value, low, high.

    quantity: cv, bias and bias_truth (%; item: structure), surrogate_r2 (item: surrogate, within
    structures), regression_r2 (item: predictors). low, high: ends of the interval, where there is
    one.
    """
    rows = [row for each in revisions for row in (*volume_rows(each), *r2_rows(each))]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"low": float, "high": float})


def parameter_table(differences: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return columns parameter and one for each revision."""
    rows = [{"parameter": key, **values} for key, values in differences.items()]
    return pd.DataFrame(rows, dtype=object)


def write(revisions: list[Revision], folder: Path) -> None:
    """Write `compare.csv`, `parameters.csv` and `compare.png`."""
    table = comparison(revisions)
    differences = differing({each.name: each.params for each in revisions})
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"compare": table, "parameters": parameter_table(differences)}
    for name, content in tables.items():
        with atomic_path(folder / f"{name}.csv") as path:
            content.to_csv(path, index=False, float_format=FLOAT_FORMAT)
    save(draw(table, differences), folder / "compare.png")


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Read the revisions and write tables and figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revisions", nargs="+", help="branches, commits or names of experiments")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args(arguments)
    names = list(dict.fromkeys(options.revisions))
    if len(names) < 2:
        raise StudyError(f"revisions: expected at least two, got {', '.join(names)}; name another")
    write([read_revision(name, FILES) for name in names], options.out)
