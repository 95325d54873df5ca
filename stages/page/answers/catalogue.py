"""The questions that the HTML report answers, in its order.

Each is a function of the facts. It claims no more than intervals, noise ceilings and the number of
scans allow, and names what was not measured.
"""

from collections.abc import Callable

from stages.figures.kit.facts import Facts
from stages.page.answers.bias_predictability import bias_prediction
from stages.page.answers.certainty import certainty
from stages.page.answers.least_variable import variability
from stages.page.answers.most_biased import bias
from stages.page.answers.predictability import prediction
from stages.page.answers.protocol import Answer

QUESTIONS: tuple[Callable[[Facts], Answer], ...] = (
    variability,
    bias,
    prediction,
    bias_prediction,
    certainty,
)


def answers(facts: Facts) -> list[Answer]:
    """Return the answers to the study's questions, in the order of the report."""
    return [ask(facts) for ask in QUESTIONS]
