"""Section `reconstruct`: how validation scans go through the networks, and maps of noise."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import Section


class NoiseMapParams(Section):
    """A map of the SD of each image under the noise of its scan."""

    probes: int = Field(ge=1)  # of a slice; each costs one and a half to two reconstructions
    smoothing_voxels: float = Field(ge=0)  # SD of the Gaussian over variances


class ReconstructParams(Section):
    """Memory against speed; the images do not depend on it beyond rounding."""

    section: ClassVar[str] = "reconstruct"
    batch_size: int = Field(ge=1)  # slices at once
    noise_map: NoiseMapParams | None
