"""Section `measure`: what is read off the images of an ensemble."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import Section


class MeasureParams(Section):
    """Voxelwise statistics."""

    section: ClassVar[str] = "measure"
    histogram_bins: int = Field(ge=2)
    histogram_upper: float = Field(gt=0)  # end of the global bins, part of white matter's intensity
