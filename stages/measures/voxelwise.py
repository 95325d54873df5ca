"""Voxelwise uncertainty: the standard deviation over members, read off inside each structure.

Images pass one at a time: the regions of all structures travel as bits of one integer, and only the
voxels inside and around some region are gathered from the images.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from stages.study.schema import HISTOGRAMS, SUMMARIES
from stages.study.structures import STRUCTURES, Structure

CHUNK_VOXELS = 1 << 13  # at a time: the float64 deviations of a dozen members fit into a cache
N_BITS = 32  # of the integers that hold a voxel's structures
LARGER = 255  # all labels above stand for this one
QUANTILES = {"p5": 5.0, "p25": 25.0, "median": 50.0, "p75": 75.0, "p95": 95.0}  # percent
WHITE_MATTER = (2, 41)  # FreeSurfer ids


def number_table(labels_by_structure: Mapping[str, Iterable[int]]) -> np.ndarray:
    """Return a look-up table from label to the number of its structure, from 1; others give 0.

    Args:
        labels_by_structure: name -> labels, in the order of the numbers.

    Returns:
        (256,) uint8; the last entry, 0, stands for all larger labels.

    Raises:
        ValueError: if two structures share a label, a label is not in 0 ... 254, or there are more
            structures than bits.
    """
    groups = [tuple(labels) for labels in labels_by_structure.values()]
    known = [label for labels in groups for label in labels]
    if len(set(known)) < len(known):
        raise ValueError(f"expected structures without a common label, got {sorted(known)}")
    if known and not (min(known) >= 0 and max(known) < LARGER):
        raise ValueError(f"expected labels in 0 ... {LARGER - 1}, got {sorted(known)}")
    if len(groups) > N_BITS:
        raise ValueError(f"expected at most {N_BITS} structures, got {len(groups)}")
    table = np.zeros(LARGER + 1, dtype=np.uint8)
    for number, labels in enumerate(groups, start=1):
        table[list(labels)] = number
    return table


def structure_numbers(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the number of the structure of every voxel.

    Args:
        labels: any shape, integers or whole numbers as floats.
        table: from `number_table`.

    Returns:
        uint8, the same shape, first index fastest.
    """
    small = np.clip(flat(labels), 0, LARGER).astype(np.uint8)
    # ten times as fast as an index array
    numbers = np.frombuffer(small.tobytes().translate(table.tobytes()), dtype=np.uint8)
    return numbers.reshape(labels.shape, order="F")


def number_bits(numbers: np.ndarray) -> np.ndarray:
    """Return the bit of each structure, 2^(number - 1), and 0 for the number 0.

    Args:
        numbers: from `structure_numbers`, any shape.

    Returns:
        uint32, the same shape.
    """
    table = np.array([0, *(1 << bit for bit in range(N_BITS))], dtype=np.uint32)
    return table[numbers]


def flat(volume: np.ndarray) -> np.ndarray:
    """Return the voxels of a volume in the order of a NIfTI file, a view if it came from one.

    Args:
        volume: (i, j, k).

    Returns:
        (i * j * k,), first index fastest.
    """
    return volume.ravel(order="F")


def gather(images: Iterable[np.ndarray], positions: np.ndarray, n_members: int) -> np.ndarray:
    """Return the intensities of all members at some voxels.

    Args:
        images: one volume (i, j, k) a member; read one at a time.
        positions: (n_voxels,) indices into `flat` volumes.
        n_members: how many volumes come.

    Returns:
        (n_members, n_voxels) float32.
    """
    values = np.empty((n_members, len(positions)), dtype=np.float32)
    for member, image in enumerate(images):
        np.abs(flat(image).take(positions), out=values[member])
    return values


def mean_and_std(
    values: np.ndarray, gains: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over members (ddof = 1), in two passes of float64.

    Args:
        values: (n_members, n_voxels), n_members >= 2.
        gains: (n_members,) that the members are divided by.

    Returns:
        Two arrays (n_voxels,) float64 in the unit of `values`.
    """
    n_members, n_voxels = values.shape
    mean, std = np.empty(n_voxels), np.empty(n_voxels)
    for start in range(0, n_voxels, CHUNK_VOXELS):
        part = slice(start, start + CHUNK_VOXELS)
        chunk = values[:, part].astype(np.float64)
        if gains is not None:
            chunk /= gains[:, None]
        mean[part] = chunk.mean(axis=0)
        chunk -= mean[part]
        std[part] = np.sqrt(np.einsum("mv,mv->v", chunk, chunk) / (n_members - 1))
    return mean, std


def fitted_gains(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return by which factor each member is brighter than all of them together: least squares.

    g_m = sum over v of I_m S / sum over v of S^2, minimising |I_m - g_m S|^2. S is proportional to
    the mean over members of I_m / |I_m|, so that the unit of one member changes its own gain alone,
    and as bright as the reference: sum of S R = sum of R^2.

    Args:
        values: (n_members, n_voxels) intensities inside the brain.
        reference: (n_voxels,) R, those of the fully sampled image, in the same unit.

    Returns:
        (n_members,); all NaN if a member or the reference is blank.
    """
    truth = reference.astype(np.float64)
    shape, norms = np.zeros(values.shape[1]), []
    for member in values:
        own = member.astype(np.float64)
        norms.append(np.sqrt(_inner(own, own)))
        shape += own / (norms[-1] or np.nan)
    common = _inner(shape, truth)
    if not (np.isfinite(common) and common > 0):
        return np.full(len(values), np.nan)
    shape *= _inner(truth, truth) / common
    along = [_inner(member.astype(np.float64), shape) for member in values]
    return np.array(along) / _inner(shape, shape)


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    # not by BLAS, whose sums depend on its number of threads
    return float(np.einsum("v,v->", a, b))


def intensity_scale(reference: np.ndarray, labels: np.ndarray) -> float:
    """Return the median intensity of white matter, the unit of all voxelwise measures of a scan.

    Args:
        reference: fully sampled image, (i, j, k).
        labels: its segmentation, FreeSurfer ids, (i, j, k).

    Returns:
        The median of the magnitude over labels 2 and 41; NaN without such voxels.
    """
    inside = (labels == WHITE_MATTER[0]) | (labels == WHITE_MATTER[1])
    return float(np.median(np.abs(reference[inside]))) if inside.any() else float("nan")


def summarise(values: np.ndarray) -> dict[str, float]:
    """Return mean, median, max, min, standard deviation (ddof = 0) and percentiles of a region.

    Args:
        values: (n_voxels,), n_voxels >= 1; the percentiles interpolate linearly.
    """
    quantiles = np.percentile(values, list(QUANTILES.values()))
    found = dict(zip(QUANTILES, map(float, quantiles), strict=True))
    found |= {"mean": float(values.mean()), "std": float(values.std())}
    found |= {"max": float(values.max()), "min": float(values.min())}
    return {name: found[name] for name in SUMMARIES}


def own_histogram(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the fractions of voxels in equal bins between the region's own minimum and maximum.

    A common factor on the values changes nothing, so this histogram knows shape but no magnitude. A
    constant region fills the first bin.

    Args:
        values: (n_voxels,), n_voxels >= 1.

    Returns:
        (n_bins,), sum 1.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.eye(1, n_bins)[0]
    return _fractions((values - low) / (high - low), n_bins)


def global_histogram(values: np.ndarray, n_bins: int, upper: float) -> np.ndarray:
    """Return the fractions of voxels in equal bins between 0 and `upper`, the same for all regions.

    Args:
        values: (n_voxels,), n_voxels >= 1; values above `upper` count in the last bin.
        upper: in the unit of `values`.

    Returns:
        (n_bins,), sum 1.
    """
    return _fractions(values / upper, n_bins)


def _fractions(relative: np.ndarray, n_bins: int) -> np.ndarray:
    bins = np.clip((relative * n_bins).astype(np.int64), 0, n_bins - 1)
    return np.bincount(bins, minlength=n_bins) / len(bins)


def region_table(
    std: np.ndarray, bits: np.ndarray, structures: Sequence[Structure] = STRUCTURES
) -> pd.DataFrame:
    """Return the summaries of the voxelwise standard deviation in each structure.

    Args:
        std: (n_voxels,), normalised.
        bits: (n_voxels,) from `number_bits`.

    Returns:
        Columns structure, n_voxels and `SUMMARIES`; NaN summaries where a region is empty.
    """
    return region_tables([std], bits, structures)[0]


def region_tables(
    deviations: Sequence[np.ndarray], bits: np.ndarray, structures: Sequence[Structure] = STRUCTURES
) -> list[pd.DataFrame]:
    """Return `region_table` of each of several deviations (n_voxels,) of the same voxels."""
    rows: list[list[dict[str, object]]] = [[] for _ in deviations]
    for entry, where in _regions(bits, structures):
        for table, std in zip(rows, deviations, strict=True):
            known = summarise(std[where]) if len(where) else dict.fromkeys(SUMMARIES, float("nan"))
            table.append({"structure": entry.name, "n_voxels": len(where), **known})
    return [pd.DataFrame(table) for table in rows]


def histogram_table(
    std: np.ndarray,
    bits: np.ndarray,
    n_bins: int,
    upper: float,
    structures: Sequence[Structure] = STRUCTURES,
) -> pd.DataFrame:
    """Return both histograms of the voxelwise standard deviation in each structure.

    Args:
        std: (n_voxels,), normalised.
        bits: (n_voxels,) from `number_bits`.
        n_bins: number of bins.
        upper: upper end of the global bins, in the unit of `std`.

    Returns:
        Columns structure, edges (`own` or `global`), bin (from 0), fraction; no rows for empty
        regions.
    """
    rows = []
    for entry, where in _regions(bits, structures):
        if not len(where):
            continue
        values = std[where]
        kinds = {
            "own": own_histogram(values, n_bins),
            "global": global_histogram(values, n_bins, upper),
        }
        for edges, fractions in kinds.items():
            rows += [(entry.name, edges, b, float(f)) for b, f in enumerate(fractions)]
    return pd.DataFrame(rows, columns=HISTOGRAMS.less("group", "subject"))


def _regions(
    bits: np.ndarray, structures: Sequence[Structure]
) -> Iterable[tuple[Structure, np.ndarray]]:
    for position, entry in enumerate(structures):
        yield entry, np.flatnonzero((bits & np.uint32(1 << position)) != 0)


def signal_to_noise(mean: np.ndarray, std: np.ndarray) -> dict[str, float]:
    """Return the image signal-to-noise ratio of draws of the same scan with different noise.

    Per voxel mean_m / sd_m, then median and mean over voxels; both are biased upwards by few draws
    (E[1/s] > 1/sigma; at six draws the mean by 19 %). `pooled` = mean(mean_m) / sqrt(mean(sd_m^2))
    has no such bias.

    Args:
        mean: (n_voxels,) mean over draws, brain voxels only.
        std: (n_voxels,) standard deviation over draws, ddof = 1.

    Returns:
        n_voxels, median, mean, pooled; voxels without any variation are left out of the first two,
        and all are NaN when nothing varies.
    """
    varies = std > 0
    if not varies.any():
        return {"n_voxels": len(std), **dict.fromkeys(("median", "mean", "pooled"), float("nan"))}
    ratio = mean[varies] / std[varies]
    pooled = mean.mean() / np.sqrt(np.mean(std**2))
    return {
        "n_voxels": len(std),
        "median": float(np.median(ratio)),
        "mean": float(ratio.mean()),
        "pooled": float(pooled),
    }
