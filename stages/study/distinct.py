"""Whether things that are told apart by a label alone have labels of their own."""

from collections.abc import Callable, Iterable


def first_clash[T](things: Iterable[T], label: Callable[[T], str]) -> tuple[T, T] | None:
    """Return the first thing whose label an earlier, other one has, and that one.

    None where all labels differ.

    >>> first_clash(["ab", "c", "AB"], str.lower)
    ('AB', 'ab')
    """
    seen: dict[str, T] = {}
    for thing in things:
        other = seen.setdefault(label(thing), thing)
        if other != thing:
            return thing, other
    return None
