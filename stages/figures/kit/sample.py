"""The sizes of the study as captions state them."""

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed
from stages.figures.kit.titles import title

FEW_SUBJECTS = 10  # with fewer, nothing is concluded: intervals and tests of so few are unreliable


def too_few(facts: Facts) -> bool:
    """Return whether the study has too few subjects for any conclusion."""
    return facts.n_subjects < FEW_SUBJECTS


def sample(facts: Facts) -> str:
    """Return the sizes that most figures share: scans, subjects, members of each architecture."""
    members = [f"{title(g)} {len(seeds)}" for g, seeds in facts.members.items()]
    return (
        f"n = {counted(facts.n_scans, 'scan')} of {counted(facts.n_subjects, 'subject')}; members:"
        f" {listed(members)}"
    )


def pairs(facts: Facts) -> str:
    """Return the sizes with the number of structures, where a point is a structure-scan pair."""
    return f"{sample(facts)}; {counted(len(facts.params.structures), 'structure')}"
