"""Names and seeds of the simulated subjects."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.anatomy.participants import (
    COHORT_BIT,
    NOISE_STREAM,
    WARP_STREAM,
    cohort,
    member_seed,
    with_twins,
)
from stages.study.errors import StudyError
from stages.study.pairs import HEALTHY


@given(seed=st.integers(0, 2**32))
def test_seeds_never_coincide(seed: int) -> None:
    members = cohort(seed, (12, 9), []) + cohort(seed + 1, (12, 9), [])
    seeds = [member.seed for member in members]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= COHORT_BIT


def test_more_training_heads_leave_validation_alone() -> None:
    small, large = (cohort(0, (n, 2), []) for n in (3, 7))
    assert small[-2:] == large[-2:]
    assert small[:3] == large[:3]


def test_names_are_unique_and_plainly_simulated() -> None:
    names = [member.name for member in cohort(0, (3, 3), [])]
    assert len(set(names)) == 6
    assert all(name.startswith("head") for name in names)


def test_label_maps_are_taken_in_turn() -> None:
    maps = [Path("a"), Path("b")]
    assert [m.label_map for m in cohort(0, (3, 2), maps)] == [maps[k % 2] for k in range(5)]


def test_twins_stand_behind_their_head_and_share_its_seed() -> None:
    members = with_twins(cohort(0, (2, 3), []), 2, ("lesions", "atrophy"))
    assert [m.name for m in members if m.split == "train"] == ["headT001", "headT002"]
    assert [m.name for m in members if m.split == "validation"] == [
        *("headV001", "headV001lesions", "headV001atrophy"),
        *("headV002", "headV002lesions", "headV002atrophy"),
        "headV003",
    ]
    assert len({m.seed for m in members}) == 5
    assert [m for m in members if m.kind == HEALTHY] == cohort(0, (2, 3), [])


def test_more_twins_than_heads_are_one_line() -> None:
    with pytest.raises(StudyError, match="at most the 3 heads .*got 4; lower it"):
        with_twins(cohort(0, (2, 3), []), 4, ("atrophy",))


def test_streams_differ() -> None:
    member = cohort(0, (1, 1), [])[0]
    assert member.rng(NOISE_STREAM).random() != member.rng(WARP_STREAM).random()
    assert member_seed(0, "train", 1) == member.seed
