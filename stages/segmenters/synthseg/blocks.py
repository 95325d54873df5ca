"""Block-wise evaluation of a network's finest levels: the same numbers in less memory.

The two finest levels hold nearly all of a U-Net's memory and look only a few voxels far. They are
evaluated block by block: each block is cut out with a halo, convolved without padding, and what
lies outside the volume is set to zero after every convolution, as padding would have it. The
deeper levels, which see far, are evaluated whole. Tiling the network as a whole would change the
result.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch.nn import functional

from stages.machine.memory import return_large_blocks
from stages.segmenters.synthseg.fused import (
    LAYOUT,
    DecoderLevel,
    EncoderLevel,
    FusedUNet,
    convolve,
    empty_features,
)
from stages.study.axes import Shape, three

WHOLE_VOXELS = 4_000_000  # the largest padded volume that is evaluated whole
BLOCK = 64  # side of the blocks of larger ones, voxels
CHUNK = 16  # planes of a skip that are freed together
N_BLOCKED = 2  # finest levels that are evaluated in blocks


# Called with slices (x, y, z) of the volume and the logits there, (1, outputs, x, y, z).
Writer = Callable[[tuple[slice, ...], torch.Tensor], None]
# Evaluates a network on an image (1, inputs, x, y, z) and hands its logits to a writer.
Evaluation = Callable[[FusedUNet, torch.Tensor, Writer], None]


@dataclass(frozen=True)
class Box:
    """Voxels low <= i < high along each axis; may reach beyond the volume."""

    low: Shape
    high: Shape

    @property
    def shape(self) -> Shape:
        """Voxels along each axis."""
        return three(b - a for a, b in zip(self.low, self.high, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """Index of the box in a volume that holds it."""
        return tuple(slice(a, b) for a, b in zip(self.low, self.high, strict=True))

    def grown(self, n: int) -> "Box":
        """The box with n more voxels on every side."""
        return Box(three(a - n for a in self.low), three(b + n for b in self.high))

    def within(self, other: "Box") -> tuple[slice, ...]:
        """Index of the box in an array that covers the larger box `other`."""
        return tuple(
            slice(a - start, b - start)
            for a, b, start in zip(self.low, self.high, other.low, strict=True)
        )

    def halved(self) -> "Box":
        """The same region on a grid of half the resolution; all limits are even."""
        return Box(three(a // 2 for a in self.low), three(b // 2 for b in self.high))


def boxes(shape: Shape, side: int) -> Iterator[Box]:
    """Boxes of at most `side` voxels that fill a volume."""
    for low in product(*(range(0, n, side) for n in shape)):
        yield Box(three(low), three(min(a + side, n) for a, n in zip(low, shape, strict=True)))


def cut(x: torch.Tensor, box: Box) -> torch.Tensor:
    """(1, channels, x, y, z) -> the box of it, zeros outside the volume."""
    pad, inner = [], []
    for low, high, n in zip(box.low, box.high, x.shape[2:], strict=True):
        inner.append(slice(max(low, 0), min(high, n)))
        pad.append((max(-low, 0), max(high - n, 0)))
    part = x[(slice(None), slice(None), *inner)]
    if any(map(any, pad)):
        part = functional.pad(part, [n for pair in reversed(pad) for n in pair])
    return part.contiguous(memory_format=LAYOUT)


class Skip:
    """Features that the decoder will need, in chunks along x: what it is done with can go.

    The finest skip is as large as the posteriors; one shrinks while the other grows.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.chunks: dict[int, torch.Tensor] = {}  # by their first plane

    def put(self, box: Box, part: torch.Tensor) -> None:
        """Store a box of features (1, width, *box.shape); boxes share their limits along x."""
        for low, planes in zip(
            range(box.low[0], box.high[0], CHUNK), part.split(CHUNK, dim=2), strict=True
        ):
            if low not in self.chunks:
                sides = (planes.shape[2], *self.shape[1:])
                self.chunks[low] = empty_features(part, part.shape[1], sides)
            self.chunks[low][(..., slice(None), *box.slices[1:])] = planes

    def cut(self, box: Box) -> torch.Tensor:
        """The box of the features, zeros outside the volume."""
        planes = []
        for low, chunk in sorted(self.chunks.items()):
            high = low + chunk.shape[2]
            first, last = max(box.low[0], low), min(box.high[0], high)
            if first < last:
                part = chunk[:, :, first - low : last - low]
                inner = Box((0, *box.low[1:]), (last - first, *box.high[1:]))
                planes.append(cut(part, inner))
        joined = torch.cat(planes, 2)
        missing = (max(-box.low[0], 0), max(box.high[0] - self.shape[0], 0))
        if any(missing):
            joined = functional.pad(joined, (0, 0, 0, 0, *missing))
        return joined.contiguous(memory_format=LAYOUT)

    def forget(self, below: int) -> None:
        """Free the chunks that end at or before a plane."""
        self.chunks = {n: chunk for n, chunk in self.chunks.items() if n + chunk.shape[2] > below}


def clear_outside(x: torch.Tensor, box: Box, shape: Shape) -> torch.Tensor:
    """Zero in place the voxels of `x`, which covers `box`, that lie outside a volume of `shape`."""
    for axis, (low, high, n) in enumerate(zip(box.low, box.high, shape, strict=True), start=2):
        if low < 0:
            x.narrow(axis, 0, -low).zero_()
        if high > n:
            x.narrow(axis, n - low, high - n).zero_()
    return x


def encode(
    level: EncoderLevel, x: torch.Tensor, side: int, *, keep: bool
) -> tuple[torch.Tensor, Skip | None]:
    """One encoder level: (pooled features after the normalisation, skip or None).

    Args:
        x: (1, inputs, x, y, z), even sides.
        side: of the blocks, even.
        keep: whether the features before the normalisation are needed by the decoder.
    """
    shape, width, halo = tuple(x.shape[2:]), len(level.first_bias), level.padding
    pooled = empty_features(x, width, tuple(n // 2 for n in shape))
    skip = Skip(shape) if keep else None
    for box in boxes(shape, side):
        part = convolve(cut(x, box.grown(2 * halo)), level.first, level.first_bias, 0, elu=True)
        clear_outside(part, box.grown(halo), shape)
        part = convolve(part, level.second, level.second_bias, 0, elu=True)
        if skip is not None:
            skip.put(box, part)
        part = functional.max_pool3d(level.normalise_(part), 2)
        pooled[(..., *box.halved().slices)] = part
    return pooled, skip


def decode(
    level: DecoderLevel, x: torch.Tensor, skip: Skip | None, side: int
) -> Iterator[tuple[Box, torch.Tensor]]:
    """One decoder level, block by block; frees the skip as it goes.

    Args:
        x: (1, inputs, x, y, z) coarse features, whole.
        skip: of the fine grid, (2x, 2y, 2z).
        side: of the blocks on the fine grid, even.

    Yields:
        A box of the fine grid and its features (1, width, *box.shape) after the normalisation.
    """
    shape, halo = tuple(2 * n for n in x.shape[2:]), level.padding
    for box in boxes(shape, side):
        inner, wide = box.grown(halo), box.grown(halo + halo % 2)  # the coarse grid: even limits
        coarse = cut(x, wide.halved().grown(level.reach))
        parts = convolve(coarse, level.coarse, None, 0, elu=False)
        fine = None if skip is None else skip.cut(wide.grown(halo))
        joined = clear_outside(level.join(fine, parts, wide.shape, 0), wide, shape)
        trimmed = joined[(..., *inner.within(wide))].contiguous(memory_format=LAYOUT)
        part = convolve(trimmed, level.second, level.second_bias, 0, elu=True)
        if skip is not None:
            skip.forget(wide.low[0] - halo)
        yield box, level.normalise_(part)


def whole(network: FusedUNet, x: torch.Tensor, write: Writer) -> None:
    """Evaluate a network on the whole volume at once (an `Evaluation`)."""
    write(tuple(slice(0, n) for n in x.shape[2:]), network(x))


def by_size(network: FusedUNet, x: torch.Tensor, write: Writer) -> None:
    """Evaluate whole what fits, and larger volumes in blocks (an `Evaluation`)."""
    if x[0, 0].numel() > WHOLE_VOXELS:
        return_large_blocks()
        evaluate(network, x, BLOCK, write)
    else:
        whole(network, x, write)


def evaluate(network: FusedUNet, x: torch.Tensor, side: int, write: Writer) -> None:
    """Evaluate a network on one image and hand out its logits block by block.

    Args:
        network: the network.
        x: (1, inputs, x, y, z).
        side: of the blocks in voxels of their level, even.
        write: called with the slices (x, y, z) of each block and its logits (1, outputs, ...).
    """
    blocked = min(N_BLOCKED, len(network.up))
    skips: list[Skip | None] = []
    x = x.contiguous(memory_format=LAYOUT)
    for number in range(blocked):
        keep = network.architecture.skips[number]
        x, skip = encode(network.down[number], x, side, keep=keep)
        skips.append(skip)
    x = network.middle(x, blocked)
    for number in reversed(range(1, blocked)):
        fine = tuple(2 * n for n in x.shape[2:])
        features = empty_features(x, network.architecture.features[number], fine)
        for box, part in decode(network.up[number], x, skips.pop(), side):
            features[(..., *box.slices)] = part
        x = features
    for box, part in decode(network.up[0], x, skips.pop(), side):
        write(box.slices, network.classify(part))
