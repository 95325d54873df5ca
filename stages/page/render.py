"""The HTML report itself: everything gathered, put into the template and written scan by scan.

Whatever comes from files or parameters is escaped; images lie in the report as data URIs, so that
it needs no other file and no network.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.figures.catalogue import figures
from stages.figures.kit.facts import Facts, load_facts
from stages.figures.kit.phrasing import counted, share
from stages.figures.kit.planes import OUTLINES
from stages.page import member_table, published, sources
from stages.page.answers.catalogue import answers
from stages.page.answers.headline_table import headline
from stages.page.methods_section import Made, methods
from stages.page.other_segmenter import Kept, load
from stages.page.pictures import Embedded, file_drawing
from stages.page.run_record import Record
from stages.page.scan_pictures import sections
from stages.page.side_by_side import beside
from stages.params.segment import SegmentParams
from stages.params.settings import Settings
from stages.storage.files import atomic_path
from stages.study import layout

TEMPLATES = Path(__file__).with_name("templates")
REPORT = layout.PLOTS / "report" / "report.html"
TITLE = "Does image uncertainty predict volume uncertainty?"


MAGNITUDES = (
    "The scans were simulated from magnitude images, which are no raw data: their phase is gone,"
    " and scanners have filtered and interpolated them. Errors of reconstructions are"
    " underestimated (arXiv:2109.08237); what is found here must be shown on measured k-space."
)


@dataclass(frozen=True)
class Drawn:
    """A figure of plots/report/ with its words."""

    path: str
    heading: str
    alternative: str
    caption: str
    image: Embedded | None
    """None if it was not drawn."""


@dataclass(frozen=True)
class Table:
    """A table of text."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def write_report(path: Path, record: Record | None = None, other: Kept | None = None) -> None:
    """Write the HTML report of the study in the current directory.

    Args:
        path: HTML file; its bytes depend on the study, `record` and `other` alone.
        record: revision, machine and durations; no section of them when None.
        other: answers by another segmenter; those of metrics/ when None, if there are any.
    """
    root = Path(os.path.relpath(".", path.parent)).as_posix()
    content = contents(load_facts(), other or load()) | {"record": record, "root": root}
    with atomic_path(path) as temporary:
        template = environment().get_template("report.html.j2")
        with open(temporary, "w", encoding="utf-8") as stream:
            for part in template.generate(content):  # scans are read while the report is written
                stream.write(part)


def environment() -> Environment:
    """Return the templates' environment: all is escaped, and a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def contents(facts: Facts, other: Kept | None = None) -> dict[str, object]:
    """Return what the template shows; scans are an iterator that reads one at a time."""
    settings = Settings.load(facts.groups)
    paragraphs, works = methods(facts, settings, Made.load(settings))
    numbers = headline(facts)
    shown = list(facts.subject_of)[: facts.report.n_scans]
    return {
        "title": TITLE,
        "warnings": [MAGNITUDES] if layout.MAGNITUDE_IMAGES.is_file() else [],
        "answers": answers(facts),
        "headline": Table(list(numbers.columns), numbers.to_numpy().tolist()),
        "level": share(facts.params.level),
        "figures": drawn(facts),
        "beside": beside(facts, other),
        "members": member_table.members(facts),
        "outlying": member_table.verdict(facts),
        "threshold": facts.params.outlier_threshold,
        "paper": published.comparison(facts, settings),
        "readings": Table(*published.readings(facts)),
        "n_scans": counted(facts.n_scans, "scan"),
        "n_shown": len(shown),
        "legend": [(name, colour) for name, (colour, _) in OUTLINES.items()],
        "scans": sections(shown, facts.ensembles),
        "methods": paragraphs,
        "works": works,
        **made_from(facts),
    }


def made_from(facts: Facts) -> Mapping[str, object]:
    """Return the hashes, parameters and versions that the report rests on."""
    inputs = sources.sources(facts.ensembles, SegmentParams.load())
    return {
        "sources": [[source.kind, source.name, source.digest] for source in inputs],
        "parameters": sources.parameters(),
        "versions": sources.versions(),
    }


def drawn(facts: Facts) -> Iterator[Drawn]:
    """Yield each figure with its words, and its image if it is there."""
    for figure in figures(facts):
        path = layout.figure("report", figure.name)
        words = figure.heading, figure.alternative, figure.caption(facts)
        yield Drawn(path.as_posix(), *words, file_drawing(path) if path.is_file() else None)
