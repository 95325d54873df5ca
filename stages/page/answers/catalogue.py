"""The questions that the HTML report answers, in its order.

Each is a function of the facts. It claims no more than intervals, noise ceilings and the number of
scans allow, and names what was not measured.
"""

from collections.abc import Callable

from stages.figures.kit.facts import Facts
from stages.figures.kit.wording import worded
from stages.page.answers.best_score import best_score
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
    best_score,
    certainty,
)


RESTS_ON: dict[Callable[[Facts], Answer], str] = {
    variability: "components",
    prediction: "inference",
    bias_prediction: "bias_prediction",
    best_score: "image_scores",
}
"""Question of the report -> that of `analyse` without which it is left out."""


def answers(facts: Facts) -> list[Answer]:
    """Return the answers to the study's questions, in the order of the report.

    Those that rest on what `analyse` skipped are left out, and bias where there is no reference.
    """
    asked = [ask for ask in QUESTIONS if RESTS_ON.get(ask) not in facts.skipped]
    found = [ask(facts) for ask in asked if ask is not bias or facts.ensembles.target]
    return [
        Answer(
            worded(answer.question, facts),
            worded(answer.verdict, facts),
            tuple(worded(line, facts) for line in answer.evidence),
        )
        for answer in found
    ]
