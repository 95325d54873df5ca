"""Section `segmenter`: training and quality of the embedded segmenter."""

from typing import ClassVar

from pydantic import Field

from stages.params.base import Section


class SegmenterParams(Section):
    """How the embedded network is trained on label maps of the digital head."""

    section: ClassVar[str] = "segmenter"
    seed: int = Field(ge=0)
