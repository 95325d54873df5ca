"""The command line of the stages that take one group."""

import sys

import pytest

from stages.machine.arguments import group_argument
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
