"""The comparison with the published study, as the page prints it."""

from dataclasses import dataclass

from stages.page.facts import Facts, table
from stages.page.phrasing import counted

COLUMNS = ["quantity", "reported", "here", "tolerance", "match"]


@dataclass(frozen=True)
class Comparison:
    """All published numbers beside those here; not comparable for another cohort."""

    heads: list[str]
    rows: list[list[str]]
    verdict: str
    comparable: bool


def comparison(facts: Facts) -> Comparison:
    """Read plots/paper.csv and say what it amounts to."""
    found = table("paper", COLUMNS).astype(str)
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
    return Comparison(COLUMNS, found[COLUMNS].to_numpy().tolist(), verdict, match + differ > 0)
