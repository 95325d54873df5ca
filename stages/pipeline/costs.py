"""What a stage costs, what of a study and of this machine decides that, and sums over stages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stages.params.sections import Parameters
from stages.pipeline.graph import kind
from stages.study.axes import Shape


@dataclass(frozen=True)
class Timed:
    """A timed piece of work."""

    seconds: float  # a unit of it
    memory_bytes: float = 0.0  # peak of its process
    gpu_bytes: float = 0.0  # peak on the GPU


@dataclass(frozen=True)
class Rates:
    """What this machine needs for each piece."""

    start: Mapping[str, Timed] = field(default_factory=dict)  # of a script's process
    step: Mapping[str, Timed] = field(default_factory=dict)  # a batch, by architecture
    check: Mapping[str, Timed] = field(default_factory=dict)  # a validation slice, by architecture
    slice: Mapping[str, Timed] = field(default_factory=dict)  # reconstructed, by group
    weights: Mapping[str, float] = field(default_factory=dict)  # bytes, by architecture
    read: Timed = Timed(0.0)  # a byte of k-space
    reference: Timed = Timed(0.0)  # a byte of k-space
    noise: Timed = Timed(0.0)  # a byte of k-space
    load: Timed = Timed(0.0)  # a voxel of an image and its labels
    save: Timed = Timed(0.0)  # a voxel of an image
    quality: Timed = Timed(0.0)  # a voxel
    segment: Timed = Timed(0.0)  # a voxel
    mask: Timed = Timed(0.0)  # of a scan
    head: Timed = Timed(0.0)  # a simulated scan


@dataclass(frozen=True)
class Study:
    """Sizes and parameters that costs depend on."""

    training: tuple[Shape, ...]  # of the scans
    validation: tuple[Shape, ...]
    monitor: tuple[Shape, ...]
    gpu: bool  # whether a GPU does the work that it can do
    params: Parameters
    coils_of_scans: int | None = None  # where the parameters leave their number to the files

    @property
    def n_coils(self) -> int:
        """Receive channels."""
        return self.coils_of_scans or self.params.data.n_coils or self.params.phantom.n_coils


@dataclass(frozen=True)
class Cost:
    """What one stage takes."""

    seconds: float  # wall time
    processors: float = 1.0  # that are busy, where no GPU does the work
    gpu: bool = False
    memory_bytes: float = 0.0  # peak
    gpu_bytes: float = 0.0  # peak
    disk_bytes: float = 0.0  # of its outputs

    @property
    def hours(self) -> float:
        """GPU-hours where a GPU does the work, else CPU-hours."""
        return self.seconds * (1.0 if self.gpu else self.processors) / 3600


@dataclass(frozen=True)
class Row:
    """The stages of one kind together."""

    kind: str
    number: int
    one: Cost  # their mean time and disk, their largest memory

    @property
    def seconds(self) -> float:
        """Wall time of all, one after the other."""
        return self.number * self.one.seconds

    @property
    def hours(self) -> float:
        """GPU-hours or CPU-hours of all."""
        return self.number * self.one.hours

    @property
    def disk_bytes(self) -> float:
        """Disk of all outs."""
        return self.number * self.one.disk_bytes


def rows(costs: Mapping[str, Cost]) -> list[Row]:
    """Return one row a kind of stages, in the order in which kinds first appear."""
    kinds: dict[str, list[Cost]] = {}
    for name, cost in costs.items():
        kinds.setdefault(kind(name), []).append(cost)
    return [Row(name, len(parts), mean(parts)) for name, parts in kinds.items()]


def mean(costs: list[Cost]) -> Cost:
    """Return the mean time and disk and the largest memory of stages of one kind."""
    n = len(costs)
    hours = sum(cost.hours for cost in costs)
    seconds = sum(cost.seconds for cost in costs)
    return Cost(
        seconds / n,
        processors=3600 * hours / seconds if seconds else 1.0,
        gpu=any(cost.gpu for cost in costs),
        memory_bytes=max(cost.memory_bytes for cost in costs),
        gpu_bytes=max(cost.gpu_bytes for cost in costs),
        disk_bytes=sum(cost.disk_bytes for cost in costs) / n,
    )
