"""Print how much of implanted diseases each group of images shows, by size and contrast.

`python -m stages dose-response`: from what stage `pathology` has left of a study whose scans are
those of `python -m stages implant --originals`.
"""

import argparse

import pandas as pd

from stages.implantation.shown import SHOWN, dose_table, smallest_shown
from stages.machine.entry import entry_point
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.schema import AFFECTED_VOXELS

DOSES = ["subject", "pathology", "changed_ml", "contrast", "asked_contrast"]
FORMATS = dict.fromkeys(DOSES[2:], "{:.2f}".format)


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of voxels and that of doses; `StudyError` if there are no implants."""
    voxels = read_table(AFFECTED_VOXELS.path(), AFFECTED_VOXELS.columns)
    path = layout.TRUTH / "subjects.csv"
    return voxels, read_table(path, DOSES)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Print a row a group, disease, size and contrast, and the smallest size that is shown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--shown", type=float, default=SHOWN, help=f"fraction that counts as shown ({SHOWN:g})"
    )
    options = parser.parse_args(arguments)
    if not 0 < options.shown <= 1:
        raise StudyError(f"dose-response: --shown: expected above 0 up to 1, got {options.shown:g}")
    table = dose_table(*tables())
    if table.empty:
        raise StudyError(
            f"{layout.TRUTH / 'subjects.csv'}: expected scans of `python -m stages implant` among"
            " those of stage pathology, got none; see docs/implant.md"
        )
    print(table.to_string(index=False, float_format="{:.3f}".format, formatters=FORMATS))
    print()
    smallest = smallest_shown(table, options.shown)
    print(smallest.to_string(index=False, float_format="{:.2f}".format))
