"""What stands at the end of a path of keys."""

from stages.statistics.answer import look_up

TREE = {"rim": {"cv": {"median": 1.5}, "skipped": "no scan"}}


def test_a_number_a_text_and_a_branch_are_found():
    assert look_up(TREE, "rim", "cv", "median") == 1.5
    assert look_up(TREE, "rim", "skipped") == "no scan"
    assert look_up(TREE, "rim", "cv") == {"median": 1.5}


def test_there_is_nothing_beyond_a_leaf_or_an_unknown_key():
    assert look_up(TREE, "rim", "cv", "median", "low") is None
    assert look_up(TREE, "unet", "cv") is None
