"""The catalogue lists every question once, the headline last, and no two write one table."""

import importlib
import pkgutil

import numpy as np
import pytest

from stages.statistics import catalogue, questions
from stages.statistics.answer import Answer
from stages.statistics.catalogue import QUESTIONS, answer_all
from tests.statistics.conftest import cohort_of, parameters


def test_every_module_that_asks_is_a_question_of_its_name():
    names = [module.name for module in pkgutil.iter_modules(questions.__path__)]
    modules = {name: importlib.import_module(f"{questions.__name__}.{name}") for name in names}
    asking = {name: module.ask for name, module in modules.items() if hasattr(module, "ask")}
    assert asking == QUESTIONS


def test_the_headline_comes_last():
    assert list(QUESTIONS)[-1] == "headline"


def test_a_question_knows_the_answers_before_it_and_draws_for_itself(
    monkeypatch: pytest.MonkeyPatch,
):
    drawn = []

    def ask(cohort, params, rng) -> Answer:
        drawn.append(rng.random())
        return Answer({"before": len(cohort.answers), "seed": params.seed})

    def found(*names: str) -> dict[str, Answer]:
        monkeypatch.setattr(catalogue, "QUESTIONS", dict.fromkeys(names, ask))
        return answer_all(cohort_of(), parameters(seed=3))

    answers = found("first", "second")
    assert {name: answer.metrics["before"] for name, answer in answers.items()} == {
        "first": 0,
        "second": 1,
    }
    found("second")
    assert drawn[1] == drawn[2] != drawn[0]
    assert np.isfinite(drawn).all()
