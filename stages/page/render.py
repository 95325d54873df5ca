"""The HTML report itself: everything gathered, put into the template and written scan by scan.

Whatever comes from files or parameters is escaped; images lie in the report as data URIs, so that
it needs no other file and no network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.cards.release import DATE
from stages.figures.catalogue import figures
from stages.figures.kit.facts import Facts, load_facts
from stages.figures.kit.phrasing import counted, share
from stages.figures.kit.planes import OUTLINES
from stages.figures.kit.sample import too_few
from stages.figures.kit.study_figure import MORE, PARTS, StudyFigure
from stages.figures.kit.wording import worded
from stages.page import external_methods, member_table, published, sources
from stages.page.answers.catalogue import answers
from stages.page.answers.headline_table import headline
from stages.page.answers.in_short import in_short
from stages.page.answers.plan_table import plan_table
from stages.page.methods_section import Made, methods
from stages.page.other_segmenter import Kept, load
from stages.page.pictures import Embedded, file_drawing, file_picture
from stages.page.run_record import Record
from stages.page.scan_pictures import sections
from stages.page.side_by_side import beside
from stages.page.subject_view import Subject, subject_view
from stages.params.external import ExternalSection
from stages.params.segment import SegmentParams
from stages.params.settings import Settings
from stages.storage.bids import PIPELINE, VERSION
from stages.storage.files import atomic_path
from stages.study import layout

TEMPLATES = Path(__file__).with_name("templates")
REPORT = layout.PLOTS / "report" / "report.html"
HEADLINE = (
    "Medians over structures and scans, with {} intervals over subjects and members; bias: against"
    " the fully sampled scan; slope: within structures, of disjoint halves of the members (0: no"
    " prediction, 1: proportional)"
)
TITLE = "Does image uncertainty predict volume uncertainty?"
FEW = (
    "{} are too few for a conclusion: what is called statistically significant below describes"
    " these scans."
)


MAGNITUDES = (
    "The scans were simulated from magnitude images, which are no raw data: their phase is gone,"
    " and scanners have filtered and interpolated them. Errors of reconstructions are"
    " underestimated (arXiv:2109.08237); what is found here must be shown on measured k-space."
)


@dataclass(frozen=True)
class Drawn:
    """A figure of plots/report/ with its words."""

    name: str
    path: str
    heading: str
    alternative: str
    caption: str
    good: str
    """What a good result would look like."""
    image: Embedded | None
    """None if it was not drawn."""


@dataclass(frozen=True)
class Part:
    """Figures under one heading."""

    name: str
    heading: str
    figures: tuple[Drawn, ...]
    folded: bool


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
    content = contents(load_facts(), other or load()) | {"record": record}
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
    numbers = headline(facts)
    plan = plan_table(facts.metrics, facts.n_subjects, 1 - facts.params.level)
    subject = subject_view(facts)
    shown = list(facts.subject_of)[: facts.report.n_scans] if facts.imaged else []
    return {
        "title": TITLE,
        "skipped": list(facts.skipped.items()),
        "from_k_space": facts.trained,
        "warnings": [MAGNITUDES] if layout.MAGNITUDE_IMAGES.is_file() else [],
        "answers": answers(facts),
        "plan": Table(
            [worded(head, facts) for head in plan.columns],
            [[worded(cell, facts) for cell in row] for row in plan.to_numpy()],
        ),
        "headline_caption": worded(HEADLINE.format(share(facts.params.level)), facts),
        "headline": Table(
            [worded(head, facts) for head in numbers.columns], numbers.to_numpy().tolist()
        ),
        "release": f"{PIPELINE}, version {VERSION} of {DATE}",
        "short": in_short(facts),
        "few": FEW.format(counted(facts.n_subjects, "subject")) if too_few(facts) else "",
        "subject": subject,
        "parts": parts(facts, subject),
        "members": [] if "outliers" in facts.skipped else member_table.members(facts),
        "outlying": member_table.verdict(facts),
        "threshold": facts.params.outlier_threshold,
        "n_scans": counted(facts.n_scans, "scan"),
        "n_shown": len(shown),
        "legend": [(name, colour) for name, (colour, _) in OUTLINES.items()],
        "scans": sections(shown, facts.ensembles),
        **(of_networks(facts, other) if facts.trained else of_others(facts)),
        **made_from(facts),
    }


def of_networks(facts: Facts, other: Kept | None) -> Mapping[str, object]:
    """Return what only a study that trains networks shows, and its methods."""
    settings = Settings.load(facts.ensembles.architectures)
    paragraphs, works = methods(facts, settings, Made.load(settings))
    paragraphs = [*paragraphs, *external_methods.beside(facts, ExternalSection.load())]
    return {
        "beside": beside(facts, other),
        "paper": published.comparison(facts, settings),
        "readings": Table(*published.readings(facts)),
        "methods": paragraphs,
        "works": works,
    }


def of_others(facts: Facts) -> Mapping[str, object]:
    """Return the methods of a study of images or volumes from elsewhere."""
    paragraphs, works = external_methods.methods(facts, ExternalSection.load())
    nothing = dict.fromkeys(("beside", "paper", "readings"))
    return nothing | {"methods": paragraphs, "works": works}


def made_from(facts: Facts) -> Mapping[str, object]:
    """Return the hashes, parameters and versions that the report rests on."""
    segment = SegmentParams.load() if facts.imaged else None
    inputs = sources.sources(facts.ensembles, segment)
    return {
        "sources": [[source.kind, source.name, source.digest] for source in inputs],
        "parameters": sources.parameters(),
        "versions": sources.versions(),
    }


def parts(facts: Facts, subject: Subject | None) -> list[Part]:
    """Return the figures by part of the report; parts with nothing to show are left out."""
    shown = figures(facts)
    found = []
    for name, heading in PARTS.items():
        own = tuple(drawn(figure, facts) for figure in shown if figure.part == name)
        if own or (name == "subject" and subject):
            found.append(Part(name, heading, own, name == MORE))
    return found


def drawn(figure: StudyFigure, facts: Facts) -> Drawn:
    """Return a figure with its words, and its image if it is there."""
    path = layout.figure("report", figure.name)
    read = file_drawing if figure.vector else file_picture
    return Drawn(
        figure.name,
        path.as_posix(),
        heading=worded(figure.heading, facts),
        alternative=worded(figure.alternative, facts),
        caption=worded(figure.caption(facts), facts),
        good=worded(figure.good, facts),
        image=read(path) if path.is_file() else None,
    )
