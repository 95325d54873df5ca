"""How far the members' segmentations of a structure agree: overlap, votes and surfaces.

These cost as much as the coefficient of variation itself and are diagnostics of it. Identical
members have a Dice coefficient of 1, an entropy of 0 and a distance of 0. Members differ at few
voxels, so their votes are kept there alone, and all structures pass at once as numbers from 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import entr

from stages.measures.boundary import interior
from stages.measures.voxelwise import flat, number_bits
from stages.study.axes import three

VoxelSize = tuple[float, float, float]
Box = tuple[slice, slice, slice]
Distances = tuple[np.ndarray, np.ndarray]  # numbers of structures, and mm
REACH_VOXELS = 3  # how far neighbours are looked up one by one; beyond, a search tree is faster


@dataclass(frozen=True)
class Votes:
    """The structures that the members see, in a box around all of them.

    shape: of the whole volumes; box: where the voxels below lie; first: (i, j, k) uint8, numbers of
    the first member; disputed: (n_disputed,) positions in `flat(first)` at which members differ;
    numbers: (n_members, n_disputed) uint8, what each member says there.
    """

    shape: tuple[int, int, int]
    box: Box
    first: np.ndarray
    disputed: np.ndarray
    numbers: np.ndarray

    def volume(self, numbers: np.ndarray) -> np.ndarray:
        """Return the box with other numbers (n_disputed,) at the disputed voxels, (i, j, k)."""
        whole = self.first.copy(order="F")
        flat(whole)[self.disputed] = numbers
        return whole

    def of_members(self, members: Sequence[int]) -> "Votes":
        """Return the votes of some members alone, by their rows in `numbers`, in the same box."""
        numbers = self.numbers[list(members)]
        differ = (numbers != numbers[0]).any(axis=0)
        first = self.volume(numbers[0])
        return Votes(self.shape, self.box, first, self.disputed[differ], numbers[:, differ])

    def union(self) -> np.ndarray:
        """Return the voxels that any member assigns to any structure, (i, j, k) bool."""
        inside = np.asfortranarray(self.first != 0)
        # where members differ, one of them at least sees a structure
        flat(inside)[self.disputed] = True
        return inside

    def bits(self) -> np.ndarray:
        """Return the bits of all structures that any member sees, (i, j, k) uint32."""
        bits = number_bits(self.first)
        said = np.bitwise_or.reduce([number_bits(member) for member in self.numbers], axis=0)
        flat(bits)[self.disputed] = said
        return bits

    def positions(self, chosen: np.ndarray) -> np.ndarray:
        """Return where voxels of the flat box, (n,) positions, lie in the flat whole volume."""
        at = np.unravel_index(chosen, self.first.shape, order="F")
        whole = tuple(i + part.start for i, part in zip(at, self.box, strict=True))
        return np.ravel_multi_index(whole, self.shape, order="F")


def count_votes(volumes: Sequence[np.ndarray], margin: int) -> Votes:
    """Return the votes of members.

    Args:
        volumes: structure numbers (i, j, k) uint8, one volume a member, 0 outside.
        margin: by how many voxels the box is wider than the union, as far as the volume goes.

    Raises:
        ValueError: if there is no volume.
    """
    if not len(volumes):
        raise ValueError("expected at least one label map, got none")
    shape = volumes[0].shape
    union = volumes[0] != 0
    for volume in volumes[1:]:
        union |= volume != 0
    box = three(
        _widened(np.flatnonzero(union.any(axis=tuple({0, 1, 2} - {axis}))), margin, length)
        for axis, length in enumerate(shape)
    )
    parts = [np.asfortranarray(volume[box]) for volume in volumes]
    differ = np.zeros(parts[0].shape, dtype=bool, order="F")
    for part in parts[1:]:
        differ |= part != parts[0]
    disputed = np.flatnonzero(flat(differ))
    numbers = np.stack([flat(part)[disputed] for part in parts])
    return Votes(three(shape), box, parts[0], disputed, numbers)


def _widened(known: np.ndarray, margin: int, length: int) -> slice:
    if not len(known):
        return slice(0, 0)
    return slice(max(int(known[0]) - margin, 0), min(int(known[-1]) + 1 + margin, length))


def pairwise_dice(masks: np.ndarray, n_common: int = 0) -> float:
    """Return the mean over pairs of members of 2 |A and B| / (|A| + |B|) (Dice 1945, Ecology 26).

    Args:
        masks: (n_members, n_voxels) bool.
        n_common: number of further voxels that all members hold.

    Returns:
        0 ... 1; pairs of two empty masks are left out, NaN without any other.
    """
    bits = np.packbits(masks, axis=1)
    bits = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))
    words = np.ascontiguousarray(bits).view(np.uint64)
    counts = [np.bitwise_count(words & one).sum(axis=1, dtype=np.int64) for one in words]
    common = np.array(counts) + n_common
    sizes = np.diag(common)
    first, second = np.triu_indices(len(masks), k=1)
    both = sizes[first] + sizes[second]
    known = both > 0
    if not known.any():
        return float("nan")
    return float(np.mean(2.0 * common[first, second][known] / both[known]))


def vote_entropy(masks: np.ndarray, n_common: int = 0) -> float:
    """Return the mean of -p ln p - (1 - p) ln(1 - p) over the union, p the share of members.

    Args:
        masks: (n_members, n_voxels) bool.
        n_common: number of further voxels that all members hold; their entropy is 0.

    Returns:
        Nats, 0 ... ln 2; NaN if the union is empty.
    """
    n_members = len(masks)
    times = np.bincount(masks.sum(axis=0, dtype=np.uint16), minlength=n_members + 1)
    share = np.arange(n_members + 1) / n_members
    n_union = times[1:].sum() + n_common
    return float(times @ (entr(share) + entr(1.0 - share)) / n_union) if n_union else float("nan")


def majority(numbers: np.ndarray) -> np.ndarray:
    """Return the number that more than half of the members give, 0 where none has that many.

    One pass finds the only number that can have a majority, a second one counts it (Boyer and
    Moore 1991, in: Automated Reasoning, Kluwer).

    Args:
        numbers: (n_members, n_voxels) uint8.

    Returns:
        (n_voxels,) uint8.
    """
    leader, lead = numbers[0].copy(), np.ones(numbers.shape[1], dtype=np.int16)
    for own in numbers[1:]:
        deposed = lead == 0
        leader = np.where(deposed, own, leader)
        lead += np.where(own == leader, np.int16(1), np.int16(-1))
    times = np.zeros(numbers.shape[1], dtype=np.int16)
    for own in numbers:
        times += own == leader
    return np.where(2 * times > len(numbers), leader, np.uint8(0))


@dataclass(frozen=True)
class Surfaces:
    """The voxels of all structures that have a face to something else or to the volume's outside.

    numbers: (i, j, k) uint8, 0 off the surfaces, padded by `REACH_VOXELS` of 0; positions:
    (n_surface,) in `flat(numbers)`, where it is not 0; sizes: (n_structures + 1,) how many each
    structure has, 0 first.
    """

    numbers: np.ndarray
    positions: np.ndarray
    sizes: np.ndarray


def surfaces(numbers: np.ndarray, n_structures: int) -> Surfaces:
    """Return the surfaces of structures.

    Args:
        numbers: (i, j, k) uint8; beyond the volume is outside.
        n_structures: how many there are.
    """
    padded = np.zeros([n + 2 * REACH_VOXELS for n in numbers.shape], dtype=np.uint8, order="F")
    within = padded[(slice(REACH_VOXELS, -REACH_VOXELS),) * 3]
    np.multiply(numbers, ~interior(numbers), out=within)
    positions = np.flatnonzero(flat(padded) != 0)
    sizes = np.bincount(flat(padded)[positions], minlength=n_structures + 1)
    return Surfaces(padded, positions, sizes)


def _near(voxel_size_mm: VoxelSize, shape: Sequence[int]) -> Iterator[tuple[float, np.ndarray]]:
    """Yield distances in mm, increasing, and the steps (n_steps,) in a flat volume that far.

    They end before the first distance that voxels farther than `REACH_VOXELS` could have.
    """
    reach = range(-REACH_VOXELS, REACH_VOXELS + 1)
    steps = np.stack(np.meshgrid(reach, reach, reach), axis=-1).reshape(-1, 3)
    distances = np.sqrt(((steps * np.asarray(voxel_size_mm)) ** 2).sum(axis=1))
    jumps = steps @ np.cumprod([1, *shape[:2]])
    for distance in np.unique(distances):
        if 0 < distance < (REACH_VOXELS + 1) * min(voxel_size_mm):
            yield float(distance), jumps[distances == distance]


def directed_distances(here: Surfaces, there: Surfaces, voxel_size_mm: VoxelSize) -> Distances:
    """Return how far surface voxels are from the same structure's other surface, in mm.

    Args:
        here: surfaces of structures.
        there: of the same box.
        voxel_size_mm: edge lengths in the order of the axes.

    Returns:
        Structures (n,) from 1 and distances (n,) of the voxels of `here` that are no surface of
        `there`; those that both have are at distance 0, and are left out like the voxels of
        structures without another surface.
    """
    own, other, shape = flat(here.numbers), flat(there.numbers), here.numbers.shape
    number = own[here.positions]
    # the surfaces of an ensemble have most voxels in common
    apart = (number != other[here.positions]) & (there.sizes[number] > 0)
    places, number = here.positions[apart], number[apart]
    found: list[Distances] = []
    for distance, jumps in _near(voxel_size_mm, shape):
        met = np.zeros(len(places), dtype=bool)
        for jump in jumps:
            met |= other[places + jump] == number
        found.append((number[met], np.full(int(met.sum()), distance)))
        places, number = places[~met], number[~met]
        if not len(places):
            break
    goals = other[there.positions]
    for one in np.unique(number):
        pair = places[number == one], there.positions[goals == one]
        points, goal = (
            np.stack(np.unravel_index(part, shape, order="F"), axis=1) * voxel_size_mm
            for part in pair
        )
        tree = cKDTree(goal, balanced_tree=False, compact_nodes=False)
        found.append((np.full(len(points), one, dtype=number.dtype), tree.query(points)[0]))
    numbers, distances = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(distances)


def mean_distances(first: Surfaces, second: Surfaces, *directed: Distances) -> np.ndarray:
    """Return the mean symmetric distance of two surfaces of each structure, in mm.

    (sum over a of d(a, B) + sum over b of d(b, A)) / (|A| + |B|), d to the nearest surface voxel.

    Args:
        first: surfaces of structures.
        second: of the same box.
        directed: `directed_distances` from the first to the second, and back.

    Returns:
        (n_structures,); NaN if one of the two is empty.
    """
    total = sum(np.bincount(n, weights=mm, minlength=len(first.sizes)) for n, mm in directed)
    known = (first.sizes > 0) & (second.sizes > 0)
    size = np.maximum(first.sizes + second.sizes, 1)
    return np.where(known, total / size, np.nan)[1:]


def surface_distances(first: Surfaces, second: Surfaces, voxel_size_mm: VoxelSize) -> np.ndarray:
    """Return `mean_distances` of two surfaces of the same box, (n_structures,) in mm."""
    there = directed_distances(first, second, voxel_size_mm)
    back = directed_distances(second, first, voxel_size_mm)
    return mean_distances(first, second, there, back)


def mean_surface_distances(votes: Votes, voxel_size_mm: VoxelSize, n_structures: int) -> np.ndarray:
    """Return the mean over members of the distance between a member and the majority, in mm.

    Args:
        votes: of the members.
        voxel_size_mm: edge lengths in the order of the axes.
        n_structures: how many there are.

    Returns:
        (n_structures,); empty members are left out, NaN if all are, or if no voxel has a majority.
    """
    vote = surfaces(votes.volume(majority(votes.numbers)), n_structures)
    members = (surfaces(votes.volume(numbers), n_structures) for numbers in votes.numbers)
    distances = np.stack([surface_distances(own, vote, voxel_size_mm) for own in members])
    known = np.isfinite(distances)
    n_known = known.sum(axis=0)
    sums = np.where(known, distances, 0.0).sum(axis=0)
    return np.where(n_known > 0, sums / np.maximum(n_known, 1), np.nan)


def overlaps(votes: Votes, n_structures: int) -> list[tuple[float, float]]:
    """Return `pairwise_dice` and `vote_entropy` of each structure over all voxels of the box.

    Args:
        votes: of the members.
        n_structures: how many there are.
    """
    n_common = np.bincount(flat(votes.first), minlength=n_structures + 1)
    n_common -= np.bincount(votes.numbers[0], minlength=n_structures + 1)
    found = []
    for number in range(1, n_structures + 1):
        masks, common = votes.numbers == number, int(n_common[number])
        found.append((pairwise_dice(masks, common), vote_entropy(masks, common)))
    return found
