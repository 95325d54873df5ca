"""Section `compute`: the device and the number of threads."""

from typing import ClassVar, Literal

from pydantic import Field

from stages.params.section import Section


class ComputeParams(Section):
    """Where the study computes; the threads of a process are part of what makes bytes identical."""

    section: ClassVar[str] = "compute"
    device: Literal["auto", "cpu", "cuda"]
    threads: int = Field(ge=1)
    workers: int = Field(ge=1)  # heads, scans or batches at a time; results are bit-identical
    cache: Literal["auto", "device", "host", "none"]  # where training keeps k-space; none: on disk
    compile: bool  # training by torch's compiler
    checkpoint_minutes: float = Field(ge=0)  # between two checkpoints of a training
