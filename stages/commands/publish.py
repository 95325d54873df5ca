"""Write the HTML report with revision, machine and durations, which differ from run to run.

`python -m stages publish`: plots/report/report.html and a section more, as work/report.html.
`python -m stages publish --beside atlas`: and what another segmenter makes of the same images.
`python -m stages publish --to results/cohort`: parameters, metrics, plots, that report and a
manifest as a folder, which `stages verify` and `stages compare` read. With `--numbers` neither
figures nor report are in it.
"""

import argparse
from pathlib import Path

from stages.cards.release import DATE
from stages.machine.entry import entry_point
from stages.page import other_segmenter
from stages.page.other_revision import read_kept
from stages.page.render import REPORT, write_report
from stages.page.run_record import take
from stages.params.ensembles import EnsembleParams
from stages.provenance import publication
from stages.provenance.basis import present
from stages.storage.bids import VERSION
from stages.storage.files import write_json
from stages.study.errors import StudyError

NO_GPU = "none"


def gpu() -> str:
    """Return the name of the first GPU that torch can use."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else NO_GPU


def finished() -> set[str]:
    """Return the names of the study's stages; `StudyError` if DVC finds one out of date."""
    # DVC takes a second to import, which the page itself need not
    from stages.pipeline.repository import changed, read_stages

    if left := sorted(changed(Path())):
        raise StudyError(
            f"{', '.join(left[:5])}: expected a finished study, got {len(left)} stages out of date;"
            " run `dvc repro`"
        )
    return set(read_stages(Path()))


def elsewhere() -> list[Path]:
    """Return the answers of another segmenter to another study, which Git holds."""
    found, basis = other_segmenter.load(), present(EnsembleParams.load())
    return [other_segmenter.FILE] if found and not other_segmenter.concerns(found, basis) else []


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
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="folder to publish the study in")
    parser.add_argument("--numbers", action="store_true", help="publish no figures and no report")
    options = parser.parse_args(arguments)
    if options.numbers and not options.to:
        raise StudyError("--numbers: expected --to FOLDER with it, got none; name a folder")
    stages = finished() if options.to else set()
    if options.keep and not options.beside:
        raise StudyError("--keep: expected --beside REVISION with it, got none; name a revision")
    other = read_kept(options.beside) if options.beside else None
    record = take(gpu())
    write_report(options.out, record, other)
    print(options.out)
    if options.to:
        about = {"version": VERSION, "date": DATE, **dict(record.facts)}
        report = None if options.numbers else options.out
        publication.write(options.to, report, about, stages, elsewhere())
        print(f"{options.to}: commit it; `python -m stages verify {options.to}` checks its files")
    if options.keep and other:
        write_json(other_segmenter.FILE, other.model_dump())
        print(f"{other_segmenter.FILE}: commit it; `dvc repro` writes {REPORT} anew")
