"""Three of a kind, one for each axis of a volume."""

from collections.abc import Iterable

Shape = tuple[int, int, int]
"""Voxels along three axes."""


def three[T](values: Iterable[T]) -> tuple[T, T, T]:
    """Return three values as a tuple whose type says that they are three."""
    first, second, third = values
    return first, second, third
