"""Write the page of the study with revision, machine and durations, which differ from run to run.

`python -m stages.publish`: plots/report.html and a section more, as work/report.html.
"""

import argparse
from pathlib import Path

from stages.errors import door
from stages.page.record import take
from stages.page.render import write_page

NO_GPU = "none"


def gpu() -> str:
    """Return the name of the first GPU that torch can use."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else NO_GPU


@door
def main(arguments: list[str] | None = None) -> None:
    """Write the page below `work`, which Git ignores: it names the commit that it belongs to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("work/report.html"), help="HTML file")
    options = parser.parse_args(arguments)
    write_page(options.out, take(gpu()))
    print(options.out)


if __name__ == "__main__":
    main()
