"""Things that are told apart by a label alone: found as by comparing all pairs."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from stages.study.distinct import first_clash

LISTS = st.lists(st.text("aAbB", max_size=3), max_size=8, unique=True)


@given(LISTS)
def test_a_clash_is_found_where_two_labels_are_equal(things: list[str]) -> None:
    found = first_clash(things, str.lower)
    pairs = [(b, a) for a, b in combinations(things, 2) if a.lower() == b.lower()]
    assert (found is None) == (not pairs)
    assert found is None or found in pairs


def test_the_first_of_both_is_the_earlier_one() -> None:
    assert first_clash(["ab", "c", "AB", "C"], str.lower) == ("AB", "ab")


def test_the_same_thing_twice_is_no_clash() -> None:
    assert first_clash(["ab", "ab"], str.lower) is None
