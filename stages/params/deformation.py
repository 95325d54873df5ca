"""Section `deformation`: registration of every image to the fully sampled one."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from stages.params.section import Section

Positive = Annotated[int, Field(ge=1)]


class DeformationParams(Section):
    """Diffeomorphic demons, from coarse to fine grids."""

    section: ClassVar[str] = "deformation"
    shrink_factors: tuple[Positive, ...] = Field(min_length=1)  # of the grid, coarse to fine
    iterations: tuple[Positive, ...] = Field(min_length=1)  # at each
    smoothing_mm: float = Field(gt=0)  # SD of the Gaussian on the displacement, each iteration
    step_voxels: float = Field(gt=0)  # largest update of an iteration
    margin_mm: float = Field(ge=0)  # of the box around the brain that is registered

    @model_validator(mode="after")
    def _as_many_iterations_as_grids(self) -> "DeformationParams":
        if len(self.iterations) != len(self.shrink_factors):
            raise ValueError("expected one number of 'iterations' for each of 'shrink_factors'")
        if list(self.shrink_factors) != sorted(self.shrink_factors, reverse=True):
            raise ValueError("expected 'shrink_factors' from coarse to fine, e.g. [2, 1]")
        return self
