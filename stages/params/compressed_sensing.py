"""Section `compressed_sensing`: reconstruction with a sparse prior instead of a trained network."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import Section


class CompressedSensingParams(Section):
    """L1-wavelet reconstruction (Lustig et al. 2007, doi:10.1002/mrm.21391)."""

    section: ClassVar[str] = "compressed_sensing"
    wavelet: str  # PyWavelets' name
    regularisation: float = Field(gt=0)  # weight of the L1 norm; k-space is scaled to 99 % = 1
    iterations: int = Field(ge=1)
