"""Section `train`: one sub-section an architecture."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stages.params.section import FILE, Section, parse, read, section_of
from stages.study.errors import StudyError

SELECTION = ("keep", "validation_slices")  # keys that no training depends on

Count = Annotated[int, Field(ge=0)]


ScheduleKind = Literal["cosine", "multistep", "cyclic"]
OPTIONS: dict[str, ScheduleKind] = {
    "decay_steps": "multistep",
    "decay_factor": "multistep",
    "cycles": "cyclic",
}
"""Option of a schedule -> the kind that it belongs to."""


class ScheduleParams(Section):
    """Learning rate over the steps: a linear warm-up, and one cosine, several, or steps down."""

    kind: ScheduleKind
    warmup_steps: int = Field(ge=0)
    decay_steps: int = Field(default=50_000, ge=1)  # steps between two decays
    decay_factor: float = Field(default=0.2, gt=0, le=1)
    # what a training with another schedule depends on has never named it
    cycles: int | None = Field(default=None, ge=2, exclude_if=lambda cycles: cycles is None)

    @model_validator(mode="after")
    def _own_options(self) -> Self:
        for name, kind in OPTIONS.items():
            # the configuration of a member names the defaults of other kinds, too
            other = getattr(self, name) != type(self).model_fields[name].default
            if other and self.kind != kind:
                raise ValueError(
                    f"expected no '{name}' of kind {self.kind}: it is an option of {kind}"
                )
        if self.kind == "cyclic" and self.cycles is None:
            raise ValueError("expected 'cycles' of kind cyclic: how often the cosine falls")
        return self


class PretrainedParams(Section):
    """A checkpoint of DIRECT that stands in for a trained member."""

    checkpoint: str  # path of the .pt file
    configuration: str  # path of DIRECT's .yaml beside it
    md5: str = Field(pattern="^[0-9a-f]{32}$")  # of the checkpoint: other weights, other results


class TrainParams(Section):
    """Network and optimisation of one architecture (`train.<architecture>`)."""

    model: str  # DIRECT's name of the network: its path below direct.nn
    network: dict[str, Any]  # keyword arguments of DIRECT's configuration class
    sensitivity_network: dict[str, Any] | None  # the same for DIRECT's U-Net that refines the maps
    losses: dict[str, float]  # DIRECT's names: weight
    precision: Literal["float32", "bfloat16"]  # of the networks; Fourier transforms are float32
    batch_size: int = Field(ge=1)
    batches: Literal["mixed", "scan"]  # of slices of all scans of one matrix, or of one scan
    steps: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    betas: tuple[float, float]  # of Adam
    weight_decay: float = Field(ge=0)
    gradient_clip: float | None = Field(gt=0)  # largest norm of the gradient; null: no limit
    schedule: ScheduleParams
    crop_outer_slices: tuple[Count, Count]  # slices left out at the start and at the end of a scan
    snapshot_interval: int = Field(ge=1)  # steps between two snapshots of the weights
    keep: Literal["last", "best_psnr", "best_ssim"]  # snapshot that becomes the member
    validation_slices: int = Field(ge=1)  # of each monitor scan, evenly spread
    pretrained: dict[int, PretrainedParams]  # member: taken from DIRECT's zoo instead of trained

    @field_validator("snapshot_interval")
    @classmethod
    def _ends_of_cycles(cls, interval: int, info: ValidationInfo) -> int:
        schedule, steps = info.data.get("schedule"), info.data.get("steps")
        if steps is None or schedule is None or schedule.cycles is None:
            return interval
        if interval * schedule.cycles != steps:
            raise ValueError(
                f"expected steps / schedule.cycles, {steps} / {schedule.cycles} and a whole number,"
                " as the snapshots of a cyclic schedule are the ends of its cycles"
            )
        if interval <= schedule.warmup_steps:
            raise ValueError(
                f"expected more than the {schedule.warmup_steps} steps of warm-up, which are part"
                " of the first cycle"
            )
        return interval

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """Steps after which the weights are kept: every `snapshot_interval`, and the last."""
        regular = range(self.snapshot_interval, self.steps, self.snapshot_interval)
        return (*regular, self.steps)

    def learned_by(self) -> dict[str, Any]:
        """Return what a training depends on, as JSON: not how one of its snapshots is chosen."""
        return self.model_dump(mode="json", exclude=set(SELECTION))

    def selected_by(self) -> dict[str, Any]:
        """Return how one of the snapshots is chosen, as JSON."""
        return self.model_dump(mode="json", include=set(SELECTION))

    @classmethod
    def load_architecture(cls, architecture: str, path: Path = FILE) -> Self:
        """Read the sub-section of an architecture; raise `StudyError` if there is none."""
        known = section_of(read(path), "train", path)
        if architecture not in known:
            raise StudyError(
                f"{path}: unknown architecture '{architecture}'; known: {', '.join(known)}"
            )
        name = f"train.{architecture}"
        return parse(cls, name, section_of(read(path), name, path), path)
