"""Section `reconstruct`: how validation scans go through the networks."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import Section


class ReconstructParams(Section):
    """Memory against speed; the images do not depend on it beyond rounding."""

    section: ClassVar[str] = "reconstruct"
    batch_size: int = Field(ge=1)  # slices at once
