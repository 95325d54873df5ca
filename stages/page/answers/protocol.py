"""What an answer of the HTML report is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A question and its answer."""

    question: str
    verdict: str
    """A sentence or two."""
    evidence: tuple[str, ...] = ()
    """What the verdict rests on, a sentence each."""
