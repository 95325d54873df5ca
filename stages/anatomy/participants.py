"""Who is in the simulated cohort: names, seeds and anatomies."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from stages.anatomy.grid import HEAD_SHAPE
from stages.anatomy.head import digital_head
from stages.anatomy.label_maps import head_from_map, read_map
from stages.anatomy.view import extend_neck, fine_centre, fine_shape, place
from stages.study.axes import Shape, three
from stages.study.errors import StudyError
from stages.study.pairs import HEALTHY, phantom_name

SPLITS = ("train", "validation")
"""The position of a split is its role in the seed space."""

COHORT_BIT = 1 << 63
"""Set in every seed of a cohort: smaller seeds are free for all other uses of the heads."""

IMAGE_STREAM, NOISE_STREAM, WARP_STREAM, PATHOLOGY_STREAM = 11, 13, 17, 19
"""Second words of a subject's random streams, so that none of them repeats another."""


@dataclass(frozen=True)
class Member:
    """One simulated subject."""

    split: str
    number: int
    """From 1 within the split."""
    seed: int
    label_map: Path | None
    """Where its anatomy comes from; None for the procedural head."""
    kind: str = HEALTHY
    """Its pathology: one of `diseases.catalogue.DISEASES`, or `healthy`."""

    @property
    def name(self) -> str:
        """Stem of its scan: no real scan is called like this."""
        return phantom_name(f"head{self.split[0].upper()}{self.number:03d}", self.kind)

    def rng(self, stream: int) -> np.random.Generator:
        """One of the subject's independent random streams."""
        return np.random.default_rng([self.seed, stream])


def member_seed(cohort_seed: int, split: str, number: int) -> int:
    """Seed of a subject: a hash of (cohort seed, role of the split, number), in [2^63, 2^64).

    Training and validation heads of any cohorts thus differ from each other, and from all heads
    that were built from a seed below 2^63, such as those that the segmenter was trained on.
    """
    sequence = np.random.SeedSequence([cohort_seed, SPLITS.index(split), number])
    return int(sequence.generate_state(1, np.uint64)[0]) | COHORT_BIT


def cohort(seed: int, sizes: tuple[int, int], maps: list[Path]) -> list[Member]:
    """All members, training first; with label maps, these are taken in turn, over and over."""
    places = chain(*([(s, i + 1) for i in range(n)] for s, n in zip(SPLITS, sizes, strict=True)))
    return [
        Member(
            split, number, member_seed(seed, split, number), maps[k % len(maps)] if maps else None
        )
        for k, (split, number) in enumerate(places)
    ]


def with_twins(members: list[Member], n_heads: int, kinds: tuple[str, ...]) -> list[Member]:
    """Put pathological phantoms of every kind behind the first `n_heads` of the validation split.

    They have the seed of their head, and so its anatomy, texture, phase and noise.

    Raises:
        StudyError: if the split has fewer heads.
    """
    n_known = sum(member.split == SPLITS[1] for member in members)
    if n_heads > n_known:
        raise StudyError(
            f"phantom.pathology.heads: expected at most the {n_known} heads of"
            f" phantom.n_validation, got {n_heads}; lower it"
        )
    result = []
    for member in members:
        chosen = member.split == SPLITS[1] and member.number <= n_heads
        result += [member, *(replace(member, kind=kind) for kind in kinds if chosen)]
    return result


def anatomy(member: Member, grid: Shape, factor: int) -> tuple[np.ndarray, float | None]:
    """Labels of a member on the 1 mm grid of the field of view, uint16, and its age if known."""
    shape, centre = fine_shape(grid, factor), fine_centre(grid, factor)
    if member.label_map is not None:
        labels = read_map(member.label_map)
        return head_from_map(labels, shape, centre, member.rng(WARP_STREAM)), None
    head = digital_head(member.seed)
    middle = three(n // 2 for n in HEAD_SHAPE)
    return extend_neck(place(head.labels, middle, shape, centre)), head.age_years
