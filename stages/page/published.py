"""The comparison with the published study, as the HTML report prints it."""

from dataclasses import dataclass

from stages.figures.kit.facts import Facts, known
from stages.figures.kit.phrasing import counted, listed, number
from stages.figures.kit.titles import title
from stages.page import published_settings
from stages.params.settings import Settings
from stages.statistics.answer import look_up
from stages.statistics.methods.tolerances import NOT_COMPARABLE
from stages.statistics.questions.paper import published
from stages.statistics.questions.readings import READINGS, REGRESSIONS, r2_of

COLUMNS = ["quantity", "reported", "here", "tolerance", "match"]


@dataclass(frozen=True)
class Comparison:
    """All published numbers beside those of this study."""

    heads: list[str]
    rows: list[list[str]]
    verdict: str
    comparable: bool
    """Not for another cohort."""


def comparison(facts: Facts, settings: Settings) -> Comparison:
    """Return the rows of plots/analyse/paper.csv and of the settings, and how many numbers match.

    What the paper does not state is listed as chosen; settings of other scans are not judged.
    """
    found = known("paper", COLUMNS).astype(str)
    paper = published()
    same = facts.get("paper", "cohort") == paper["cohort"]["name"]
    own = published_settings.rows(paper, settings) if len(found) else []
    described = [
        [r.quantity, r.reported, r.here, r.tolerance, r.match if same else NOT_COMPARABLE]
        for r in own
    ]
    tree = facts.get("paper", "n") or {}
    match, differ = tree.get("match", 0), tree.get("no_match", 0)
    verdict = str(facts.get("paper", "verdict") or "No verdict.")
    verdict = verdict[0].upper() + verdict[1:].rstrip(".") + "."
    if facts.simulated:
        verdict += (
            " The published study used a scanner's data, larger networks, more members and more"
            " steps: what differs below is no contradiction, and what agrees is no confirmation."
        )
    elif match + differ:
        verdict += f" Within tolerance: {match} of {counted(match + differ, 'number')}."
    other = [f"{r.quantity} {r.here} ({r.reported})" for r in own if r.holds is False]
    verdict += f" Other settings than published: {listed(other)}." if same and other else ""
    rows = found[COLUMNS].to_numpy().tolist() + described
    return Comparison(COLUMNS, rows, verdict, match + differ > 0)


def readings(facts: Facts) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the readings of the two regressions; no rows where there are none.

    The published R^2 of each regression stand above its readings.
    """
    tree, paper = facts.get("readings") or {}, published()["architectures"]
    heads = ["regression", "reading", *(title(group) for group in facts.groups)]
    rows: list[list[str]] = []
    for name in REGRESSIONS if tree else ():
        reported = [look_up(paper, group, f"r2_{name}", "value") for group in facts.groups]
        rows.append([name, "as published", *(number(value) for value in reported)])
        for reading in (one for one in READINGS if one.regression == name):
            values = [number(r2_of(tree, group, reading)) for group in facts.groups]
            rows.append([name, reading.words.replace("mm3", "mm³"), *values])
    return heads, rows
