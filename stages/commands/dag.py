"""Draw the stages that depend on one another, those of one script together.

python -m stages dag              # on one screen
python -m stages dag --mermaid    # for a page that draws Mermaid
"""

import argparse
from pathlib import Path

from stages.machine.entry import entry_point
from stages.pipeline.drawing import EVERYWHERE, chart, families, mermaid
from stages.pipeline.repository import read_stages

ROOT = Path()


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Print the drawing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mermaid", action="store_true", help="as a Mermaid flow chart")
    options = parser.parse_args(arguments)
    found, graph = families(read_stages(ROOT))
    if options.mermaid:
        print("\n".join(mermaid(found, graph)))
        return
    print("\n".join(chart(found, graph)))
    print(f"Each depends on those above that its line joins, and all on `{EVERYWHERE}`.")
