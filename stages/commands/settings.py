"""Lay the parameters of params.NAME.yaml over the default ones in params.yaml.

python -m stages settings paper            # writes params.yaml, prints what changes
python -m stages settings paper --print    # prints the parameters that would be written

Order and comments of params.yaml stay. It is taken as it stands: `git checkout params.yaml` first,
where something else was laid over it before.
"""

import argparse
import sys
from pathlib import Path

from stages.machine.entry import entry_point
from stages.params.overlays import merge
from stages.storage.files import atomic_path


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write the merged files, if the schema allows them, and print the changes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of the overlay: paper means params.paper.yaml")
    parser.add_argument("--print", action="store_true", help="print the files, write none")
    parser.add_argument("--out", type=Path, default=Path(), help="folder to write to (here)")
    options = parser.parse_args(arguments)
    merged = merge(options.name)
    if options.print:
        sys.stdout.write("\n".join(merged.texts.values()))
        return
    for file, text in merged.texts.items():
        with atomic_path(options.out / file) as path:
            path.write_text(text, encoding="utf-8")
    print("\n".join(merged.changes) or f"{options.name}: nothing differs")
