"""Training images: T1w-like scans drawn at random from label maps of heads.

Domain randomisation after Billot et al., Medical Image Analysis 86:102789 (2023),
doi:10.1016/j.media.2023.102789, narrowed to what a T1w acquisition and what is done to its images
make of a head: contrast, truncated and partial k-space, thick slices, receive shading, the noise
floor of a root of the sum of squares, ghosts, incompletely sampled k-space and the blur of its
reconstructions; fields of view that cut the head, removed faces and skulls.

All arrays have the axes (right, anterior, superior). Label maps have twice the resolution of the
images made from them; image voxel m covers the map voxels 2m and 2m + 1.
"""

from dataclasses import dataclass

import numpy as np
import torch

from stages.params.segmenter import SynthesisParams
from stages.segmenters.synthseg.anatomy import Anatomy
from stages.segmenters.synthseg.materials import Materials
from stages.study.axes import Shape, three

SUBVOXELS = 8  # map voxels in an image voxel
GHOST_STRENGTH = 0.05  # largest relative intensity of a ghost
SHADING_RANGE = (0.6, 1.3)  # exponent of the coils' root of the sum of squares
CHI_SPREAD = 0.29  # relative standard deviation of a chi-square variable with 23 degrees of freedom
SIGNAL_LIMIT = 2.0  # standard deviations at which tissue draws are cut
SAMPLE_STRIDE = 13  # every so many voxels enter the percentiles of a training image
SLICE_PROFILE = 0.42  # standard deviation of a slice's profile, of its thickness (width at half)
CUT_MM = (-4.0, 30.0)  # from the brain to where a field of view that cuts the head ends
STRIPPED_MM = (1.0, 14.0)  # what a stripped image keeps around the brain without its fluid
UNEVEN_MM = 1.5  # standard deviation of that distance
FACE_MM = (45.0, 75.0)  # distance from the brain's middle to the plane that a face is cut off by
FACE_DEGREES = (20.0, 70.0)  # of that plane, from anterior towards inferior
FACE_KEPT_MM = 8.0  # around the brain, of a head without its face
LOW_MM = 70.0  # farthest that a crop lies below the brain
RECOVERED = (0.3, 1.5)  # spread of the recovered k-space, where 1 is half the sampling rate
ANY_SIGNAL = 1.7  # largest of tissue outside the brain whose signal is unrelated to the contrast


@dataclass(frozen=True)
class Draws:
    """The two random streams of a synthesis: scalars from numpy, fields from torch."""

    scalar: np.random.Generator
    field: torch.Generator

    @classmethod
    def seeded(cls, *seed: int) -> "Draws":
        """Both streams from one seed, of one or more numbers."""
        words = np.random.SeedSequence(list(seed)).generate_state(2, np.uint64) >> 1
        field = torch.Generator().manual_seed(int(words[1]))
        return cls(np.random.default_rng(int(words[0])), field)

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


@dataclass(frozen=True)
class Frame:
    """Where a crop lies: offset of its middle from the brain's, mm, and the brain's size, mm."""

    offset: np.ndarray
    size: np.ndarray

    def along(self, axis: int, n: int, voxel_mm: float) -> torch.Tensor:
        """Return where the n voxels of a crop lie along an axis, mm from the brain's middle."""
        return (torch.arange(n) - (n - 1) / 2) * voxel_mm + float(self.offset[axis])


@dataclass(frozen=True)
class Cut:
    """A head in a crop at the resolution of its map, before it becomes an image."""

    tissues: torch.Tensor
    """(2x, 2y, 2z) uint8, indices of materials."""
    distance: torch.Tensor
    """uint8 mm from the brain without its CSF."""


def draw_image(
    anatomy: Anatomy,
    materials: Materials,
    shading: torch.Tensor,
    params: SynthesisParams,
    draws: Draws,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one training pair.

    Args:
        anatomy: the head.
        materials: its tissues.
        shading: (x, y, z) log of the coils' root of the sum of squares over their field of view.
        params: ranges of the draws.
        draws: random streams.

    Returns:
        image (1, 1, *crop) float32 in 0..1 times the drawn gain, and the partial-volume target
        (*crop, n_channels) uint8, in eighths, which sum to eight.
    """
    frame = draw_frame(anatomy, params, draws)
    cut = warp(anatomy, materials, frame, params, draws)
    image = render(cut.tissues, materials, params, draws)
    image = sample(image, params, draws)
    image = shade(image, shading_at(shading, frame, params.crop), params, draws)
    image = add_noise(image, draws.scalar, draws.field, params.noise)
    if draws.chance(params.undersampled):
        image = undersample(image, draws.between(params.acceleration), draws)
    kept = removed(cut, frame, params, draws)
    tissues = cut.tissues if kept is None else cut.tissues * kept
    if kept is not None:
        image = image * (halved(kept) > 0.5)
    if draws.chance(params.masked):
        image = image * (halved(tissues > 0) > 0.25)
    inside = field_of_view(frame, params, draws)
    image = normalise(image, inside) * draws.between(params.gain)
    target = partial_volumes(tissues, materials)
    target[~inside] = 0
    target[..., 0][~inside] = SUBVOXELS
    return image[None, None], target


def draw_frame(anatomy: Anatomy, params: SynthesisParams, draws: Draws) -> Frame:
    """Draw where the crop lies: around the brain, or lower, as in images that hold a neck."""
    size = np.array(anatomy.size, float)
    slack = np.maximum(2 * np.array(params.crop) - size, 0) / 2 + params.crop_shift_mm
    offset = slack * draws.scalar.uniform(-1, 1, 3)
    if draws.chance(params.low_crop):
        offset[2] -= draws.between((0, LOW_MM))
    return Frame(offset, size)


def field_of_view(frame: Frame, params: SynthesisParams, draws: Draws) -> torch.Tensor:
    """Draw where the image has been taken, bool (x, y, z): some fields of view cut the head."""
    lines = []
    for axis, n in enumerate(params.crop):
        position = frame.along(axis, n, 2.0)
        ends = [frame.size[axis] / 2 + draws.between(CUT_MM) for _ in range(2)]
        cut = [draws.chance(params.cut) for _ in range(2)]
        if axis == 2:
            cut[0] |= draws.chance(params.neck_cut)
        line = torch.ones(n, dtype=torch.bool)
        if cut[0]:
            line &= position >= -ends[0]
        if cut[1]:
            line &= position <= ends[1]
        lines.append(line if line.any() else torch.ones_like(line))
    x, y, z = lines
    return x[:, None, None] & y[:, None] & z


def removed(cut: Cut, frame: Frame, params: SynthesisParams, draws: Draws) -> torch.Tensor | None:
    """Draw what is left of a head whose skull or face was taken away, bool; None: all of it."""
    shape = three(cut.tissues.shape)
    if draws.chance(params.stripped):
        uneven = draws.smooth((10, 12, 10), shape)[0] * draws.between((0, UNEVEN_MM))
        return cut.distance <= uneven + draws.between(STRIPPED_MM)
    if draws.chance(params.defaced):
        angle = np.deg2rad(draws.between(FACE_DEGREES))
        anterior, superior = (frame.along(axis, shape[axis], 1.0) for axis in (1, 2))
        plane = anterior[:, None] * float(np.cos(angle)) - superior * float(np.sin(angle))
        return (cut.distance <= FACE_KEPT_MM) | (plane <= draws.between(FACE_MM))
    return None


def halved(volume: torch.Tensor) -> torch.Tensor:
    """Return the mean of every eight voxels: (2x, 2y, 2z) bool -> (x, y, z) float32."""
    return torch.nn.functional.avg_pool3d(volume[None, None].float(), 2)[0, 0]


def shading_at(shading: torch.Tensor, frame: Frame, crop: Shape) -> torch.Tensor:
    """Return the coils' shading in a crop, its edge repeated; the brain lies in the middle."""
    lines = []
    for axis, (n, side) in enumerate(zip(shading.shape, crop, strict=True)):
        origin = round(n / 2 + float(frame.offset[axis]) / 2 - side / 2)
        lines.append(torch.arange(origin, origin + side).clamp(0, n - 1))
    x, y, z = lines
    return shading[x[:, None, None], y[:, None], z]


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
    anatomy: Anatomy, materials: Materials, frame: Frame, params: SynthesisParams, draws: Draws
) -> Cut:
    """Look up the head through a random affine, elastic and mirroring transform, nearest neighbour.

    x_map = R S x + elastic(x) + shift + middle of the brain, x in mm from the middle of the brain;
    the right axis is mirrored in half of them, and then left is right.
    """
    shape = three(2 * side for side in params.crop)
    angles = np.deg2rad(params.rotation_deg) * draws.scalar.uniform(-1, 1, 3)
    matrix = rotation(angles) @ np.diag(1 + params.scaling * draws.scalar.uniform(-1, 1, 3))
    mirrored = draws.chance(0.5)
    if mirrored:
        matrix[:, 0] *= -1
    shift = params.shift_mm * draws.scalar.uniform(-1, 1, 3)
    offsets = elastic(shape, params.elastic_mm, draws)
    axes = [frame.along(axis, n, 1.0) for axis, n in enumerate(shape)]
    index = None
    for i, side in enumerate(anatomy.tissues.shape):
        x = offsets[i].add_(float(anatomy.centre[i] + shift[i]))
        for j in range(3):
            x.add_((float(matrix[i, j]) * axes[j]).reshape([-1 if a == j else 1 for a in range(3)]))
        x = x.round_().clamp_(0, side - 1).to(torch.int32)
        index = x if index is None else index.mul_(side).add_(x)
    where = index.numpy().reshape(-1)  # type: ignore[union-attr]  # three axes have passed
    tissues = anatomy.tissues.reshape(-1).take(where)
    if mirrored:
        tissues = materials.mirrored.take(tissues)
    distance = anatomy.distance.reshape(-1).take(where)
    return Cut(*(torch.from_numpy(part.reshape(shape)) for part in (tissues, distance)))


def elastic(shape: Shape, strength: tuple[float, float], draws: Draws) -> torch.Tensor:
    """(3, *shape) smooth displacement in map voxels: a coarse and a fine random field."""
    coarse, fine = (draws.between((0, largest)) for largest in strength)
    field = draws.smooth((5, 6, 5), shape, 3).mul_(coarse)
    return field.add_(draws.smooth((10, 13, 10), shape, 3), alpha=fine)


def partial_volumes(tissues: torch.Tensor, materials: Materials) -> torch.Tensor:
    """Eighths of each voxel in each channel: (2x, 2y, 2z) uint8 -> (x, y, z, n_channels) uint8.

    The majority label alone would miss 9 % of the cortex at 2 mm.
    """
    shape = tuple(side // 2 for side in tissues.shape)
    channels = torch.from_numpy(materials.channels.astype(np.uint8).take(tissues.numpy())).long()
    share = torch.zeros(int(np.prod(shape)), materials.n_channels, dtype=torch.uint8)
    one = torch.ones((len(share), 1), dtype=torch.uint8)
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                share.scatter_add_(1, channels[a::2, b::2, c::2].reshape(-1, 1), one)
    return share.reshape(*shape, -1)


def tissue_signals(materials: Materials, params: SynthesisParams, draws: Draws) -> np.ndarray:
    """Signals around the T1w contrast: mu_t^gamma exp(s z_t), z cut at two standard deviations.

    gamma < 1 is a weaker contrast between all tissues, as a spoiled gradient echo's.
    """
    low, high = params.contrast
    spread = low if draws.chance(params.contrast_narrow) else draws.between((low, high))
    gamma = 1.0 if draws.chance(params.contrast_narrow) else draws.between(params.gamma)
    normal = draws.scalar.standard_normal(len(materials.signals))
    normal = normal.clip(-SIGNAL_LIMIT, SIGNAL_LIMIT)[materials.groups]
    signals = materials.signals**gamma * np.exp(spread * materials.spreads * normal)
    change = 1 + params.surroundings * draws.scalar.uniform(-1, 1, len(signals))
    anything = draws.scalar.uniform(0, ANY_SIGNAL, len(signals))
    around = anything if draws.chance(params.surroundings_any) else signals * change
    signals[materials.outside] = around[materials.outside]
    signals[0] = 0.0
    return signals.astype(np.float32)


def render(
    tissues: torch.Tensor, materials: Materials, params: SynthesisParams, draws: Draws
) -> torch.Tensor:
    """Give every voxel its tissue's signal, which varies smoothly within the tissue."""
    first = tissue_signals(materials, params, draws)
    strength = draws.between((0, params.heterogeneity))
    other = first * np.exp(strength * draws.scalar.standard_normal(len(first)))
    index = tissues.numpy()
    image = torch.from_numpy((other - first).astype(np.float32).take(index))
    image *= draws.smooth((8, 10, 8), three(tissues.shape))[0]
    return image.add_(torch.from_numpy(first.take(index))).clamp_(min=0)


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


def averaging_matrix(n: int, blur_mm: float) -> np.ndarray:
    """Means of pairs of n points at 1 mm after a Gaussian blur, (n/2, n): a coarsened image."""
    distance = np.arange(n) - np.arange(n)[:, None]
    kernel = np.exp(-0.5 * (distance / max(blur_mm, 0.1)) ** 2)
    kernel /= kernel.sum(1, keepdims=True)
    return (kernel[0::2] + kernel[1::2]) / 2


def slice_matrix(n: int, thickness_mm: float, phase: float) -> np.ndarray:
    """Thick slices of n points at 1 mm, interpolated linearly at every 2 mm, (n/2, n).

    Args:
        n: points at 1 mm.
        thickness_mm: of a slice, and distance between slices.
        phase: where the first slice lies, 0 to 1 of the distance.
    """
    middles = (np.arange(-1, n / thickness_mm + 1) + phase) * thickness_mm
    distance = np.arange(n) - middles[:, None]
    profile = np.exp(-0.5 * (distance / (SLICE_PROFILE * thickness_mm)) ** 2)
    profile /= np.maximum(profile.sum(1, keepdims=True), 1e-9)
    position = (2 * np.arange(n // 2) + 0.5)[:, None]
    weight = np.maximum(1 - np.abs(position - middles) / thickness_mm, 0)
    return weight @ profile


def sampling_matrices(params: SynthesisParams, draws: Draws) -> list[np.ndarray]:
    """Draw how the three axes are sampled: (n/2, n) each, the first one's complex."""
    low, high = params.blur_mm
    blur = low if draws.chance(0.6) else draws.between((low * 0.75, high))
    drawn = draws.chance(params.partial_fourier_drawn)
    partial = draws.between(params.partial_fourier) if drawn else params.partial_fourier[0]
    blurs = (blur * draws.between((0.8, 1.2)), blur * draws.between((0.8, 1.2)), blur)
    sides = [2 * side for side in params.crop]
    if draws.chance(params.averaged):
        matrices = [averaging_matrix(n, mm) for n, mm in zip(sides, blurs, strict=True)]
    else:
        first, *others = zip(sides, blurs, strict=True)
        matrices = [sampling_matrix(*first, partial), *(sampling_matrix(*o).real for o in others)]
    if draws.chance(params.thick_slices):
        axis, thickness = int(draws.scalar.integers(3)), draws.between(params.slice_mm)
        matrices[axis] = slice_matrix(sides[axis], thickness, draws.between((0, 1)))
    return matrices


def sample(image: torch.Tensor, params: SynthesisParams, draws: Draws) -> torch.Tensor:
    """Magnitude of the truncated, blurred and partly acquired k-space, and in places a ghost."""
    first, second, third = sampling_matrices(params, draws)
    image = torch.matmul(image, torch.from_numpy(third.T.astype(np.float32)))
    image = torch.matmul(torch.from_numpy(second.astype(np.float32)), image)
    parts = [
        torch.tensordot(torch.from_numpy(part.astype(np.float32)), image, 1)
        for part in ((first.real, first.imag) if np.iscomplexobj(first) else (first,))
    ]
    image = torch.hypot(*parts) if len(parts) == 2 else parts[0].abs_()
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

    Variable-density sampling; missing samples are damped, not lost, and the more so the higher
    their frequency: what a learned reconstruction makes of them is smoother than the head.
    """
    n, m = image.shape[:2]
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(n) * 2, np.fft.fftfreq(m) * 2, indexing="ij"))
    density = np.exp(-((radius / 0.45) ** 2)) + 0.05
    kept = draws.scalar.random((n, m)) < density * (n * m / acceleration / density.sum())
    kept |= radius < 0.15
    left = draws.between((0, 1)) * np.exp(-((radius / draws.between(RECOVERED)) ** 2))
    weight = torch.from_numpy(np.where(kept, 1.0, left).astype(np.float32))[..., None]
    return torch.fft.ifft2(torch.fft.fft2(image, dim=(0, 1)) * weight, dim=(0, 1)).abs()


def normalise(image: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Percentiles 0.5 and 99.5 of the field of view to 0 and 1, clipped; zero outside of it."""
    part = image[inside][::SAMPLE_STRIDE]
    low, high = torch.quantile(part, torch.tensor([0.005, 0.995])).tolist()
    return ((image - low) / max(high - low, 1e-6)).clamp_(0, 1) * inside
