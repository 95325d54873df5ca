"""The command line of the stages that take one group."""

import sys

import pytest

from stages.machine.arguments import group_argument, member_argument, seed_argument
from stages.study.errors import StudyError


def test_one_group_is_taken_from_the_call_or_from_the_process(monkeypatch):
    assert group_argument(["rim"], "measure", ["unet", "rim"]) == "rim"
    monkeypatch.setattr(sys, "argv", ["measure.py", "unet"])
    assert group_argument(None, "measure", ["unet", "rim"]) == "unet"


@pytest.mark.parametrize("arguments", [[], ["unet", "rim"]])
def test_none_and_two_are_a_line_that_names_the_choice(arguments):
    with pytest.raises(StudyError) as caught:
        group_argument(arguments, "measure", ["unet", "rim"])
    assert str(caught.value) == f"usage: python -m stages.measure unet|rim, got {arguments}"


def test_a_member_is_a_group_and_a_seed():
    assert member_argument(["unet", "3"], "segment") == ("unet", 3)
    assert seed_argument(["12"], "noise") == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["unet"], "usage: python -m stages.segment GROUP SEED, got ['unet']"),
        (["unet", "x"], "GROUP SEED, a whole number from 0 on, got 'x'"),
        (["unet", "-1"], "GROUP SEED, a whole number from 0 on, got '-1'"),
    ],
)
def test_what_is_no_member_is_one_line(arguments, words):
    with pytest.raises(StudyError) as caught:
        member_argument(arguments, "segment")
    assert words in str(caught.value)
    with pytest.raises(StudyError, match="usage: python -m stages.noise SEED"):
        seed_argument(arguments, "noise")
