"""Seeds of members, as several sections list them."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError("seeds must differ and not be negative")
    return seeds


Seeds = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_distinct)]
