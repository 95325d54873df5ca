"""Write the HTML report with revision, machine and durations, which differ from run to run.

`python -m stages publish`: plots/report/report.html and a section more, as work/report.html.
`python -m stages publish --beside atlas`: and what another segmenter makes of the same images.
"""

import argparse
from pathlib import Path

from stages.machine.entry import entry_point
from stages.page import other_segmenter
from stages.page.other_revision import read_kept
from stages.page.render import REPORT, write_report
from stages.page.run_record import take
from stages.storage.files import write_json
from stages.study.errors import StudyError

NO_GPU = "none"


def gpu() -> str:
    """Return the name of the first GPU that torch can use."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else NO_GPU


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write the report below `work`, which Git ignores: it names the commit that it belongs to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("work/report.html"), help="HTML file")
    parser.add_argument(
        "--beside",
        metavar="REVISION",
        help="a branch, commit or experiment in which another segmenter measured the same images",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help=f"keep its answers in {other_segmenter.FILE}, so that {REPORT} shows them too",
    )
    options = parser.parse_args(arguments)
    if options.keep and not options.beside:
        raise StudyError("--keep: expected --beside REVISION with it, got none; name a revision")
    other = read_kept(options.beside) if options.beside else None
    write_report(options.out, take(gpu()), other)
    print(options.out)
    if options.keep and other:
        write_json(other_segmenter.FILE, other.model_dump())
        print(f"{other_segmenter.FILE}: commit it; `dvc repro` writes {REPORT} anew")
