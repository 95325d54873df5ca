"""Write uncertainty as files: maps of every group and scan, and all tables, as a BIDS derivative.

`python -m stages derivatives`: work/derivatives, from what `dvc repro` has left.
"""

import argparse
from pathlib import Path

from stages.derivatives.dataset import check_place, write_derivative
from stages.derivatives.places import ROOT
from stages.machine.entry import entry_point
from stages.params.ensembles import EnsembleParams
from stages.storage.files import atomic_directory


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write the folder as a whole or not at all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT, help="new folder for the derivative")
    parser.add_argument("--replace", action="store_true", help="write an earlier one anew")
    options = parser.parse_args(arguments)
    ensembles = EnsembleParams.load()
    check_place(options.out, replace=options.replace)
    with atomic_directory(options.out) as folder:
        write_derivative(folder, ensembles)
    print(options.out)
