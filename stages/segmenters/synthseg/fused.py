"""The U-Net in the form that is fast to evaluate: the same function, rearranged exactly.

A convolution after nearest-neighbour doubling reads every coarse voxel several times. Summing the
kernel's taps that fall on the same coarse voxel gives eight smaller kernels, one for each parity of
the output position, that act on the coarse grid (sub-pixel convolution; Shi et al. 2016,
doi:10.1109/CVPR.2016.207). For SynthSeg this saves 30 % of the multiplications and all of the
doubled array. Batch normalisation becomes a scale and an offset per channel.

On a CPU every convolution and exponential is evaluated in chunks along x that the shape alone
determines, each by one thread: the bits are the same for any number of threads.
"""

from collections.abc import Callable
from itertools import product
from math import prod

import torch
from torch import nn
from torch.nn import functional

from stages.machine.parallel import each
from stages.segmenters.synthseg.network import BATCH_NORM_EPSILON, Level, UNet

PARITIES = tuple(product((0, 1), repeat=3))
LAYOUT = torch.channels_last_3d
MOST_CHUNKS = 16  # that one array is evaluated in: work for as many threads
CHUNK_VOXELS = 2048  # a chunk has about as many or more; in less, rearranging the kernel takes long


def first_taps(kernel: int) -> tuple[int, int]:
    """Coarse offset of a kernel's first tap for even and odd fine positions: floor((p - h) / 2)."""
    half = kernel // 2
    return (-half) // 2, (1 - half) // 2


def coarse_tap(kernel: int, parity: int, tap: int) -> int:
    """The coarse tap that a kernel's fine tap falls on, for even (0) or odd (1) fine positions."""
    return (parity + tap - kernel // 2) // 2 - first_taps(kernel)[parity]


def subpixel_kernels(weight: torch.Tensor) -> torch.Tensor:
    """Kernels of the eight parities: (o, i, k, k, k) -> (8 o, i, t, t, t), t = k // 2 + 1.

    Each coarse tap is the sum of the fine taps that fall on it.
    """
    kernel, taps = weight.shape[-1], weight.shape[-1] // 2 + 1
    fine = weight.permute(2, 3, 4, 0, 1).double().contiguous()  # the sums run along memory
    coarse = fine.new_zeros(8, taps, taps, taps, *weight.shape[:2])
    for number, parity in enumerate(PARITIES):
        for position in product(range(kernel), repeat=3):
            at = (coarse_tap(kernel, p, tap) for p, tap in zip(parity, position, strict=True))
            coarse[(number, *at)] += fine[position]
    return coarse.permute(0, 4, 5, 1, 2, 3).to(weight.dtype).flatten(0, 1)


def empty_features(like: torch.Tensor, width: int, sides: tuple[int, ...]) -> torch.Tensor:
    """Uninitialised channels-last features (batch, width, *sides)."""
    return torch.empty(
        (len(like), width, *sides), device=like.device, dtype=like.dtype, memory_format=LAYOUT
    )


def chunks(sides: tuple[int, ...]) -> list[slice]:
    """Planes along x, an even number each but for the last, that are evaluated together."""
    n = max(1, min(MOST_CHUNKS, prod(sides) // CHUNK_VOXELS))
    step = 2 * -(-sides[0] // (2 * n))
    return [slice(low, min(low + step, sides[0])) for low in range(0, sides[0], step)]


def planes(x: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Planes low <= i < high along x of (batch, channels, x, y, z), zeros outside the volume."""
    n = x.shape[2]
    part = x[:, :, max(low, 0) : min(high, n)]
    if low < 0 or high > n:
        part = functional.pad(part, (0, 0, 0, 0, max(-low, 0), max(high - n, 0)))
    return part.contiguous(memory_format=LAYOUT)


def in_chunks(fill: Callable[[slice], None], like: torch.Tensor) -> None:
    """Call with the planes of every chunk of an array (..., x, y, z), on a CPU on all threads."""
    sides = tuple(like.shape[-3:])
    if like.device.type == "cpu":
        each(fill, chunks(sides), torch.get_num_threads())
    else:
        fill(slice(0, sides[0]))


def assemble(out: torch.Tensor, compute: Callable[[slice], torch.Tensor], *, elu: bool) -> None:
    """Write into (batch, width, x, y, z) what is computed for the planes of a chunk, or its ELU.

    Written right away, while a chunk is in the processor's cache.
    """

    def fill(where: slice) -> None:
        if elu:
            torch.ops.aten.elu.out(compute(where), out=out[:, :, where])
        else:
            out[:, :, where] = compute(where)

    in_chunks(fill, out)


def convolve_planes(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, padding: int, where: slice
) -> torch.Tensor:
    """Planes `where` along x of a convolution; on a CPU always by oneDNN.

    For few channels, and for a kernel of one voxel, torch would choose an implementation that takes
    three times as long and leaves the channels-last layout.
    """
    start = where.start - padding
    part = planes(x, start, where.stop - padding + weight.shape[2] - 1)
    sides = [0, padding, padding]
    if x.device.type == "cpu" and torch.backends.mkldnn.is_available():
        ones = [1] * 3
        return torch.mkldnn_convolution(part, weight, bias, sides, ones, ones, 1)
    return functional.conv3d(part, weight, bias, padding=sides)


def convolve(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, padding: int, *, elu: bool
) -> torch.Tensor:
    """Convolution with the same result as `conv3d`, followed by an ELU or not."""
    kernel = weight.shape[2]
    out = empty_features(x, len(weight), tuple(n + 2 * padding - kernel + 1 for n in x.shape[2:]))
    assemble(out, lambda where: convolve_planes(x, weight, bias, padding, where), elu=elu)
    return out


class FusedLevel(nn.Module):
    """Kernels, biases and the folded normalisation of one level."""

    def __init__(self, level: Level) -> None:
        super().__init__()
        norm = level.norm
        scale = norm.weight / torch.sqrt(norm.running_var + BATCH_NORM_EPSILON)
        shape = (1, -1, 1, 1, 1)
        self._keep("first", level.first.weight)
        self._keep("first_bias", level.first.bias)
        self._keep("second", level.second.weight)
        self._keep("second_bias", level.second.bias)
        self._keep("scale", scale.reshape(shape))
        self._keep("offset", (norm.bias - norm.running_mean * scale).reshape(shape))
        self.padding = level.first.weight.shape[-1] // 2

    def _keep(self, name: str, value: torch.Tensor) -> None:
        layout = LAYOUT if value.ndim == 5 else torch.contiguous_format
        # copied, as `contiguous` leaves the strides of a kernel with one input alone, and oneDNN's
        # result would not be channels-last: eight times the time of the first convolution
        kept = torch.empty(value.shape, dtype=torch.float32, memory_format=layout)
        self.register_buffer(name, kept.copy_(value.detach()))

    def tail(self, x: torch.Tensor) -> torch.Tensor:
        """Second convolution and ELU."""
        return convolve(x, self.second, self.second_bias, self.padding, elu=True)

    def normalise_(self, x: torch.Tensor) -> torch.Tensor:
        """Batch normalisation in place."""
        return x.mul_(self.scale).add_(self.offset)


class EncoderLevel(FusedLevel):
    """(batch, inputs, x, y, z) -> features before the normalisation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Two convolutions with ELU."""
        return self.tail(convolve(x, self.first, self.first_bias, self.padding, elu=True))


def add_parities(joined: torch.Tensor, parts: torch.Tensor, shift: int) -> None:
    """Add the eight stacked sub-pixel results to the voxels of their parity, in place.

    Args:
        joined: (batch, width, 2x, 2y, 2z).
        parts: (batch, 8 width, x + shift, y + shift, z + shift).
        shift: how much later the results of odd positions begin.
    """
    width, sides = joined.shape[1], [n // 2 for n in joined.shape[2:]]
    for number, parity in enumerate(PARITIES):
        at = tuple(slice(p * shift, p * shift + n) for p, n in zip(parity, sides, strict=True))
        a, b, c = parity
        part = parts[(slice(None), slice(number * width, (number + 1) * width), *at)]
        joined[:, :, a::2, b::2, c::2] += part


class DecoderLevel(FusedLevel):
    """Doubles the coarse features and joins the skip, without writing either out."""

    def __init__(self, level: Level, n_skip: int) -> None:
        super().__init__(level)
        weight = level.first.weight.detach()
        self._keep("first", weight[:, :n_skip])
        self._keep("coarse", subpixel_kernels(weight[:, n_skip:]))
        starts = first_taps(weight.shape[-1])
        self.reach = -starts[0]  # coarse voxels that the kernels look beyond either side
        self.shift = starts[1] - starts[0]

    def join(
        self, skip: torch.Tensor | None, parts: torch.Tensor, sides: tuple[int, ...], padding: int
    ) -> torch.Tensor:
        """First convolution and ELU.

        Args:
            skip: (batch, n_skip, x, y, z), if there is one.
            parts: sub-pixel results, as in `add_parities`.
            sides: of the result, even.
            padding: of the skip, so that it gives these sides.
        """

        def compute(where: slice) -> torch.Tensor:
            if skip is None:
                part = empty_features(parts, len(bias), (where.stop - where.start, *sides[1:]))
                part.copy_(bias.reshape(1, -1, 1, 1, 1).expand_as(part))
            else:
                part = convolve_planes(skip, self.first, bias, padding, where)
            coarse = slice(where.start // 2, where.stop // 2 + self.shift)
            add_parities(part, parts[:, :, coarse], self.shift)
            return part

        bias = self.first_bias
        joined = empty_features(parts, len(bias), sides)
        assemble(joined, compute, elu=True)
        return joined

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None) -> torch.Tensor:
        """(batch, inputs, x, y, z) and the skip (batch, n_skip, 2x, 2y, 2z) -> doubled features."""
        # padded by hand: oneDNN adds up in another order where it pads an even kernel itself, and
        # block-wise evaluation would differ in the last bits
        wide = functional.pad(x, [self.reach] * 6).contiguous(memory_format=LAYOUT)
        parts = convolve(wide, self.coarse, None, 0, elu=False)
        joined = self.join(skip, parts, tuple(2 * n for n in x.shape[2:]), self.padding)
        del parts, wide  # as large as the result
        return self.normalise_(self.tail(joined))


class FusedUNet(nn.Module):
    """A trained U-Net for inference; equal to `UNet` in evaluation mode up to rounding."""

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.architecture = network.architecture
        self.down = nn.ModuleList(EncoderLevel(level) for level in network.down)
        self.up = nn.ModuleList(
            DecoderLevel(level, self.architecture.decoder_inputs(number)[0])
            for number, level in enumerate(network.up)
        )
        weight = network.likelihood.weight.detach().float()
        self.register_buffer("likelihood", weight.contiguous(memory_format=LAYOUT))
        self.register_buffer("likelihood_bias", network.likelihood.bias.detach().float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, n_inputs, x, y, z) -> logits (batch, n_outputs, x, y, z)."""
        return self.classify(self.middle(x.contiguous(memory_format=LAYOUT), 0))

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        """Finest features -> logits."""
        return convolve(x, self.likelihood, self.likelihood_bias, 0, elu=False)

    def middle(self, x: torch.Tensor, finest: int) -> torch.Tensor:
        """Input of the level `finest` -> output of its decoder, all deeper levels included."""
        kept: dict[int, torch.Tensor] = {}
        for number in range(finest, len(self.down)):
            level = self.down[number]
            before = level(x)
            if number < len(self.up) and self.architecture.skips[number]:
                kept[number] = before
                before = before.clone()
            x = level.normalise_(before)
            del before
            if number < len(self.up):
                x = functional.max_pool3d(x, 2)
        for number in reversed(range(finest, len(self.up))):
            x = self.up[number](x, kept.pop(number, None))
        return x
