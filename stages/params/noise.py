"""Section `noise`: the baseline ensemble of fully sampled scans with added noise."""

from typing import ClassVar, Literal

from pydantic import Field

from stages.params.section import Section


class NoiseParams(Section):
    """Strength of the complex Gaussian noise added to k-space."""

    section: ClassVar[str] = "noise"
    snr: float = Field(gt=0)
    definition: Literal["brain_rss", "kspace_rms", "kspace_db"]
