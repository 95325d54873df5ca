"""The page itself: everything gathered, put into the template and written scan by scan.

Whatever comes from files or parameters is escaped; images lie in the page as data URIs, so that it
needs no other file and no network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.figures.cohort import OUTLINES
from stages.page import answer, member_table, published, sources
from stages.page.captions import Captioned, captioned
from stages.page.facts import Facts, load_facts
from stages.page.methods_section import Settings, methods
from stages.page.other_segmenter import Kept, load
from stages.page.phrasing import counted, share
from stages.page.pictures import Embedded, file_drawing
from stages.page.run_record import Record
from stages.page.scan_pictures import sections
from stages.page.side_by_side import beside
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.report import ReportParams
from stages.params.segment import SegmentParams
from stages.storage.files import atomic_path
from stages.study import layout

TEMPLATES = Path(__file__).with_name("templates")
TITLE = "Does image uncertainty foretell volume uncertainty?"


@dataclass(frozen=True)
class Drawn:
    """A figure of plots/ with its words; no `image` where it was not drawn."""

    words: Captioned
    image: Embedded | None


@dataclass(frozen=True)
class Table:
    """Heads and rows of text."""

    heads: list[str]
    rows: list[list[str]]


def write_page(path: Path, record: Record | None = None, other: Kept | None = None) -> None:
    """Write the page of the study in the current directory.

    Args:
        path: HTML file; its bytes depend on the study, `record` and `other` alone.
        record: revision, machine and durations; no section of them when None.
        other: answers by another segmenter; those of metrics/ when None, if there are any.
    """
    ensembles, params = EnsembleParams.load(), AnalyseParams.load()
    facts = load_facts(ensembles, params)
    content = contents(facts, ensembles, other or load()) | {"record": record}
    with atomic_path(path) as temporary:
        template = environment().get_template("report.html.j2")
        with open(temporary, "w", encoding="utf-8") as stream:
            for part in template.generate(content):  # scans are read while the page is written
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


def contents(facts: Facts, ensembles: EnsembleParams, other: Kept | None = None) -> dict[str, Any]:
    """Return what the template shows; scans are an iterator that reads one at a time."""
    report, params = ReportParams.load(), facts.params
    paragraphs, works = methods(facts, Settings.load(facts.groups))
    headline = answer.headline(facts)
    shown = list(facts.exams)[: report.n_scans]
    figures = captioned(facts, report.architecture, report.n_members)
    inputs = sources.sources(ensembles, SegmentParams.load())
    return {
        "title": TITLE,
        "answers": answer.answers(facts),
        "headline": Table(list(headline.columns), headline.to_numpy().tolist()),
        "level": share(params.level),
        "figures": drawn(figures),
        "beside": beside(facts, ensembles, other),
        "members": member_table.members(facts),
        "outlying": member_table.verdict(facts),
        "threshold": params.outlier_threshold,
        "paper": published.comparison(facts),
        "n_scans": counted(facts.n_scans, "scan"),
        "n_shown": len(shown),
        "legend": [(name, colour) for name, (colour, _) in OUTLINES.items()],
        "scans": sections(shown, ensembles),
        "methods": paragraphs,
        "works": works,
        "sources": [[source.kind, source.name, source.digest] for source in inputs],
        "parameters": sources.parameters(),
        "versions": sources.versions(),
    }


def drawn(figures: list[Captioned]) -> Iterator[Drawn]:
    """Yield each figure with its image, if it is there."""
    for words in figures:
        path = layout.PLOTS / f"{words.name}.png"
        yield Drawn(words, file_drawing(path) if path.is_file() else None)
