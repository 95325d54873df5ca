"""Training images: T1w-like scans drawn at random from label maps of the digital head.

Domain randomisation after Billot et al., Medical Image Analysis 86:102789 (2023),
doi:10.1016/j.media.2023.102789, narrowed to what a 12-coil T1w acquisition does to an image:
truncated and partial k-space, receive shading, the noise floor of a root of the sum of squares,
ghosts, and now and then an incompletely sampled k-space.

All arrays have the axes (right, anterior, superior). Label maps have twice the resolution of the
images made from them; image voxel m covers the map voxels 2m and 2m + 1.
"""

from dataclasses import dataclass

import numpy as np
import torch

from stages.params.segmenter import SynthesisParams
from stages.study.axes import Shape, three

SUBVOXELS = 8  # map voxels in an image voxel
GHOST_STRENGTH = 0.05  # largest relative intensity of a ghost
SHADING_RANGE = (0.6, 1.3)  # exponent of the coils' root of the sum of squares
CHI_SPREAD = 0.29  # relative standard deviation of a chi-square variable with 23 degrees of freedom
SIGNAL_LIMIT = 2.0  # standard deviations at which tissue draws are cut
SAMPLE_STRIDE = 13  # every so many voxels enter the percentiles of a training image


@dataclass(frozen=True)
class Palette:
    """What the values of the tissue maps mean.

    signals: (n_tissues,) T1w signal, white matter 1, index 0 is air.
    channels: (n_tissues,) output channel of the network, 0 for background.
    """

    signals: np.ndarray
    channels: np.ndarray

    @property
    def n_channels(self) -> int:
        """Number of output channels, background included."""
        return int(self.channels.max()) + 1


@dataclass(frozen=True)
class Draws:
    """The two random streams of a synthesis: scalars from numpy, fields from torch."""

    scalar: np.random.Generator
    field: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> "Draws":
        """Both streams from one seed."""
        return cls(np.random.default_rng(seed), torch.Generator().manual_seed(seed))

    def between(self, bounds: tuple[float, float]) -> float:
        """Uniform scalar."""
        return float(self.scalar.uniform(*bounds))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.scalar.random() < probability)

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal field."""
        return torch.randn(shape, generator=self.field)

    def smooth(self, nodes: Shape, shape: Shape, n: int = 1) -> torch.Tensor:
        """(n, *shape) field interpolated linearly between independent standard normal nodes."""
        x, y, z = (interpolation(*pair) for pair in zip(nodes, shape, strict=True))
        field = torch.matmul(y, torch.matmul(self.normal((n, *nodes)), z.T))
        return torch.matmul(x, field.reshape(n, nodes[0], -1)).reshape(n, *shape)


def interpolation(n_nodes: int, n_points: int) -> torch.Tensor:
    """(n_points, n_nodes) weights of linear interpolation, first and last node on the ends."""
    position = torch.linspace(0, n_nodes - 1, n_points)
    distance = (position[:, None] - torch.arange(n_nodes)).abs()
    return (1 - distance).clamp_(min=0)


def draw_image(
    tissues: torch.Tensor,
    palette: Palette,
    shading: torch.Tensor,
    params: SynthesisParams,
    draws: Draws,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one training pair.

    Args:
        tissues: (2x, 2y, 2z) uint8, indices into the palette.
        palette: signals and channels of the tissues.
        shading: (x, y, z) log of the coils' root of the sum of squares over the field of view.
        params: ranges of the draws.
        draws: random streams.

    Returns:
        image (1, 1, *crop) float32 in 0..1 times the drawn gain, and the partial-volume
        target (1, n_channels, *crop) float32, which sums to one.
    """
    field = three(int(side) for side in shading.shape)
    origin = crop_origin(field, params, draws)
    labels = warp(tissues, origin, params, draws)
    target = partial_volumes(labels, palette)
    image = torch.from_numpy(tissue_signals(palette, params, draws))[labels.int()]
    image = sample(image, params, draws)
    image = shade(image, window(shading, origin, params.crop, "edge"), params, draws)
    image = add_noise(image, draws.scalar, draws.field, params.noise)
    if draws.chance(params.undersampled):
        image = undersample(image, draws.between(params.acceleration), draws)
    image = normalise(image) * draws.between(params.gain)
    inside = window(torch.ones(field), origin, params.crop, "constant")
    return (image * inside)[None, None], target[None]


def crop_origin(field: Shape, params: SynthesisParams, draws: Draws) -> Shape:
    """First voxel of a crop in the field of view; negative where the crop begins in the padding.

    Most crops end at the top of the head, where the brain is; the others lie anywhere.
    """
    low = [-m for m in params.margin]
    high = [max(f + m - c, -m) for f, m, c in zip(field, params.margin, params.crop, strict=True)]
    if not draws.chance(params.low_crop):
        low[2] = max(low[2], high[2] - 8)
    return three(int(draws.scalar.integers(a, b + 1)) for a, b in zip(low, high, strict=True))


def window(volume: torch.Tensor, origin: Shape, shape: Shape, outside: str) -> torch.Tensor:
    """Cut (x, y, z) at `origin`; outside repeat the edge (`edge`) or take zeros (`constant`)."""
    pairs = list(zip(origin, shape, volume.shape, strict=True))
    inner = volume[tuple(slice(max(o, 0), min(o + s, n)) for o, s, n in pairs)]
    pad = [(max(-o, 0), max(o + s - n, 0)) for o, s, n in pairs]
    return torch.from_numpy(np.pad(inner.numpy(), pad, mode=outside))  # type: ignore[call-overload]  # a mode of numpy


def rotation(angles: np.ndarray) -> np.ndarray:
    """Product of the rotations in the three coordinate planes, angles in rad -> (3, 3)."""
    matrix = np.eye(3)
    for angle, (i, j) in zip(angles, ((0, 1), (0, 2), (1, 2)), strict=True):
        step = np.eye(3)
        step[i, i] = step[j, j] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ step
    return matrix


def warp(
    tissues: torch.Tensor, origin: Shape, params: SynthesisParams, draws: Draws
) -> torch.Tensor:
    """Look up the map through a random affine, elastic and mirroring transform, nearest neighbour.

    x_map = R S (x - centre) + elastic(x) + shift + centre, right axis mirrored in half of them.

    Args:
        tissues: (2x, 2y, 2z) uint8.
        origin: first image voxel of the crop.

    Returns:
        uint8, twice `params.crop` along each axis.
    """
    shape = three(2 * side for side in params.crop)
    angles = np.deg2rad(params.rotation_deg) * draws.scalar.uniform(-1, 1, 3)
    matrix = rotation(angles) @ np.diag(1 + params.scaling * draws.scalar.uniform(-1, 1, 3))
    if draws.chance(0.5):
        matrix[:, 0] *= -1
    shift = params.shift_mm * draws.scalar.uniform(-1, 1, 3)
    offsets = elastic(shape, params.elastic_mm, draws)
    centre = [(side - 1) / 2 for side in tissues.shape]
    axes = [torch.arange(n) + 2.0 * o - c for n, o, c in zip(shape, origin, centre, strict=True)]
    index = None
    for i, side in enumerate(tissues.shape):
        x = offsets[i].add_(float(centre[i] + shift[i]))
        for j in range(3):
            x.add_((float(matrix[i, j]) * axes[j]).reshape([-1 if a == j else 1 for a in range(3)]))
        x = x.round_().clamp_(0, side - 1).to(torch.int32)
        index = x if index is None else index.mul_(side).add_(x)
    return tissues.reshape(-1)[index.reshape(-1)].reshape(shape)  # type: ignore[union-attr]  # three axes have passed


def elastic(shape: Shape, strength: tuple[float, float], draws: Draws) -> torch.Tensor:
    """(3, *shape) smooth displacement in map voxels: a coarse and a fine random field."""
    coarse, fine = (draws.between((0, largest)) for largest in strength)
    field = draws.smooth((5, 6, 5), shape, 3).mul_(coarse)
    return field.add_(draws.smooth((10, 13, 10), shape, 3), alpha=fine)


def partial_volumes(labels: torch.Tensor, palette: Palette) -> torch.Tensor:
    """Share of each output channel in each voxel: (2x, 2y, 2z) uint8 -> (n_channels, x, y, z).

    The majority label alone would miss 9 % of the cortex at 2 mm.
    """
    shape = tuple(side // 2 for side in labels.shape)
    channels = torch.from_numpy(palette.channels.astype(np.int64))[labels.int()]
    share = torch.zeros(palette.n_channels, int(np.prod(shape)))
    one = torch.full((1, share.shape[1]), 1.0 / SUBVOXELS)
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                share.scatter_add_(0, channels[a::2, b::2, c::2].reshape(1, -1), one)
    return share.reshape(-1, *shape)


def tissue_signals(palette: Palette, params: SynthesisParams, draws: Draws) -> np.ndarray:
    """Signals around the T1w contrast: mu_t * exp(s z_t), z cut at two standard deviations."""
    low, high = params.contrast
    spread = low if draws.chance(params.contrast_narrow) else draws.between((low, high))
    normal = draws.scalar.standard_normal(len(palette.signals)).clip(-SIGNAL_LIMIT, SIGNAL_LIMIT)
    signals = palette.signals * np.exp(spread * normal)
    outside = palette.channels == 0
    change = params.surroundings * draws.scalar.uniform(-1, 1, len(signals))
    signals[outside] *= 1 + change[outside]
    signals[0] = 0.0
    return signals.astype(np.float32)


def sampling_matrix(n: int, blur_mm: float, partial: float = 1.0) -> np.ndarray:
    """Fourier sampling of n points at 1 mm by n/2 points at 2 mm, (n/2, n) complex.

    Keeps the n/2 lowest frequencies k (cycles per mm), weighted by the blur exp(-2 (pi k s)^2), and
    of those the first `partial` share; output point m lies in the middle of the pair 2m, 2m + 1.
    """
    m = n // 2
    k = np.arange(-(m // 2), m - m // 2) / n
    weight = np.exp(-2 * (np.pi * k * blur_mm) ** 2)
    if m % 2 == 0:
        weight[0] *= 0.5
    weight = weight * (np.arange(m) < round(partial * m))
    position = 2 * np.arange(m) + 0.5
    forward = np.exp(-2j * np.pi * k[:, None] * np.arange(n))
    return (np.exp(2j * np.pi * position[:, None] * k) * weight) @ forward / n


def sample(image: torch.Tensor, params: SynthesisParams, draws: Draws) -> torch.Tensor:
    """Magnitude of the truncated, blurred and partly acquired k-space, and in places a ghost."""
    low, high = params.blur_mm
    blur = low if draws.chance(0.6) else draws.between((low * 0.75, high))
    drawn = draws.chance(params.partial_fourier_drawn)
    partial = draws.between(params.partial_fourier) if drawn else params.partial_fourier[0]
    first = sampling_matrix(image.shape[0], blur * draws.between((0.8, 1.2)), partial)
    second = sampling_matrix(image.shape[1], blur * draws.between((0.8, 1.2))).real
    third = sampling_matrix(image.shape[2], blur).real
    image = torch.matmul(image, torch.from_numpy(third.T.astype(np.float32)))
    image = torch.matmul(torch.from_numpy(second.astype(np.float32)), image)
    parts = [
        torch.tensordot(torch.from_numpy(part.astype(np.float32)), image, 1)
        for part in (first.real, first.imag)
    ]
    image = torch.hypot(*parts)
    if draws.chance(params.ghost):
        axis, offset = int(draws.scalar.integers(0, 2)), int(draws.scalar.integers(15, 50))
        image = image + draws.between((0, GHOST_STRENGTH)) * torch.roll(image, offset, axis)
    return image


def shade(
    image: torch.Tensor, coils: torch.Tensor, params: SynthesisParams, draws: Draws
) -> torch.Tensor:
    """Multiply by texture, a transmit-like field and the receive shading (log), or a random one."""
    shape = tuple(image.shape)
    log = draws.smooth((3, 4, 3), shape)[0] * draws.between((0, params.bias_field))
    if draws.chance(params.coil_shading):
        log += coils * draws.between(SHADING_RANGE)
    else:
        log += draws.smooth((3, 3, 3), shape)[0] * 2 * draws.between((0, params.bias_field))
    return image * (1 + params.texture * draws.normal(shape)) * log.exp_()


def add_noise(
    image: torch.Tensor,
    scalar: np.random.Generator,
    field: torch.Generator,
    bounds: tuple[float, float],
) -> torch.Tensor:
    """Root of the sum of squares over 12 coils with complex noise of a log-uniform strength.

    sqrt((x + s n)^2 + 23 s^2 (1 + 0.29 n')): the component along the signal, and the 23 others
    whose squares sum to a chi-square variable.
    """
    strength = float(np.exp(scalar.uniform(*np.log(bounds))))
    along = image + strength * torch.randn(image.shape, generator=field)
    floor = 1 + CHI_SPREAD * torch.randn(image.shape, generator=field)
    return torch.sqrt(along**2 + 23 * strength**2 * floor.clamp_(min=0))


def undersample(image: torch.Tensor, acceleration: float, draws: Draws) -> torch.Tensor:
    """Damp a random part of k-space in the plane of the two phase encodings (axes 0 and 1).

    Variable-density sampling; missing samples are damped, not lost, as after a reconstruction.
    """
    n, m = image.shape[:2]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(n) * 2, np.fft.fftfreq(m) * 2, indexing="ij"))
    density = np.exp(-((radius / 0.45) ** 2)) + 0.05
    kept = draws.scalar.random((n, m)) < density * (n * m / acceleration / density.sum())
    kept |= radius < 0.15
    left = draws.between((0, 1))
    weight = torch.from_numpy(np.where(kept, 1.0, left).astype(np.float32))[..., None]
    return torch.fft.ifft2(torch.fft.fft2(image, dim=(0, 1)) * weight, dim=(0, 1)).abs()


def normalise(image: torch.Tensor) -> torch.Tensor:
    """Percentiles 0.5 and 99.5 to 0 and 1, clipped, as before inference."""
    part = image.reshape(-1)[::SAMPLE_STRIDE]
    low, high = torch.quantile(part, torch.tensor([0.005, 0.995])).tolist()
    return ((image - low) / max(high - low, 1e-6)).clamp_(0, 1)
