"""What a figure of the study is: how it is drawn, and the words that it is shown with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from stages.figures.kit.facts import Facts

MORE = "more"
PARTS = {
    "subject": "One subject",
    "volumes": "Variability and bias of volumes",
    "predictors": "Predictors of variability",
    "calibration": "Calibration of the ensembles",
    "draws": "Kinds of uncertainty",
    MORE: "More figures",
}
"""Part of the HTML report -> its heading, in order; those of the last are folded."""


def always(_: Facts) -> bool:
    """Return that a figure has something to show in every study."""
    return True


def from_k_space(facts: Facts) -> bool:
    """Return whether the study starts from k-space: scans, masks and networks of its own."""
    return facts.trained


@dataclass(frozen=True)
class StudyFigure:
    """A figure with its words."""

    name: str
    """Of the PNG in plots/report/."""
    heading: str
    alternative: str
    """What is to be seen, for readers who cannot see it."""
    caption: Callable[[Facts], str]
    """Units, n and how to read it."""
    draw: Callable[[Facts], Figure]
    """Reads what it shows from the study in the current directory."""
    shown: Callable[[Facts], bool] = always
    """Whether the study has what it shows; left out if not."""
    good: str = ""
    """What a good result would look like, a sentence."""
    part: str = MORE
    """Where it stands, of `PARTS`."""
    vector: bool = True
    """Whether it is of lines and letters, and not of images."""
    questions: tuple[str, ...] = ()
    """Whose answers it shows; the one of its own name if empty."""

    def answered(self, facts: Facts) -> bool:
        """Return whether none of its questions was skipped."""
        return not {*(self.questions or (self.name,))} & {*facts.skipped}


@dataclass(frozen=True)
class PerGroup:
    """A figure that is drawn once for each of some groups, or of some questions."""

    groups: Callable[[Facts], Sequence[str]]
    figure: Callable[[str], StudyFigure]
    """Returns the figure of one of them."""
