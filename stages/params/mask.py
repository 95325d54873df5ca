"""Section `mask`: which part of k-space is sampled."""

from typing import ClassVar, Literal

from pydantic import Field

from stages.params.section import Section


class MaskParams(Section):
    """Variable-density Poisson-disk sampling, drawn or read from the challenge's files."""

    section: ClassVar[str] = "mask"
    acceleration: float = Field(ge=1)
    acceleration_of: Literal["acquired", "full"]  # positions that are counted as the whole
    center_fraction: float = Field(gt=0, lt=1)  # calibration disk, part of the full matrix
    tolerance: float = Field(gt=0, lt=1)  # relative deviation of the drawn acceleration
    seed: int = Field(ge=0)
    files: str | None  # folder of the challenge's masks; null: drawn ones
