"""Voxelwise uncertainty: the standard deviation over members, read off inside each structure.

Nothing here holds more than one full volume at a time: the regions of all structures travel as bits
of one integer volume, and only the voxels inside some region are gathered from the images.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from stages.structures import STRUCTURES, Structure

CHUNK_VOXELS = 1 << 18  # voxels whose float64 deviations are in memory at a time
QUANTILES = {"p5": 5.0, "p25": 25.0, "median": 50.0, "p75": 75.0, "p95": 95.0}  # percent
SUMMARIES = ("mean", "median", "max", "min", "std", "p5", "p25", "p75", "p95")
WHITE_MATTER = (2, 41)  # FreeSurfer ids


def bit_table(structures: Sequence[Structure] = STRUCTURES) -> np.ndarray:
    """Return a look-up table from FreeSurfer id to a bit: structure number k has the value 2^k.

    Left and right share a bit. Ids outside every structure give 0.

    Returns:
        (largest id + 2,) uint32; the last entry, 0, stands for all larger ids.
    """
    largest = max(label for s in structures for label in s.labels)
    table = np.zeros(largest + 2, dtype=np.uint32)
    for position, entry in enumerate(structures):
        table[list(entry.labels)] = np.uint32(1 << position)
    return table


def label_bits(labels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the structure bit of every voxel.

    Args:
        labels: FreeSurfer ids, any shape, integers or whole numbers as floats.
        table: from `bit_table`.

    Returns:
        uint32, the same shape.
    """
    return table[np.clip(labels, 0, len(table) - 1).astype(np.int16)]


def union_bits(segmentations: Iterable[np.ndarray], table: np.ndarray) -> np.ndarray:
    """Return, per voxel, the bits of all structures that any member assigns to it.

    Args:
        segmentations: one label volume (i, j, k) a member; read one at a time.
        table: from `bit_table`.

    Returns:
        (i, j, k) uint32.
    """
    union: np.ndarray | None = None
    for labels in segmentations:
        bits = label_bits(labels, table)
        union = bits if union is None else np.bitwise_or(union, bits, out=union)
    if union is None:
        raise ValueError("expected at least one segmentation, got none")
    return union


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
        np.abs(flat(image)[positions], out=values[member])
    return values


def mean_and_std(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over members (ddof = 1), in two passes of float64.

    Args:
        values: (n_members, n_voxels), n_members >= 2.

    Returns:
        Two arrays (n_voxels,) float64 in the unit of `values`.
    """
    n_members, n_voxels = values.shape
    mean, std = np.empty(n_voxels), np.empty(n_voxels)
    for start in range(0, n_voxels, CHUNK_VOXELS):
        part = slice(start, start + CHUNK_VOXELS)
        chunk = values[:, part].astype(np.float64)
        mean[part] = chunk.mean(axis=0)
        chunk -= mean[part]
        std[part] = np.sqrt(np.einsum("mv,mv->v", chunk, chunk) / (n_members - 1))
    return mean, std


def intensity_scale(reference: np.ndarray, labels: np.ndarray) -> float:
    """Return the median intensity of white matter, the unit of all voxelwise measures of a scan.

    Args:
        reference: fully sampled image, (i, j, k).
        labels: its segmentation, FreeSurfer ids, (i, j, k).

    Returns:
        The median of the magnitude over labels 2 and 41; NaN without such voxels.
    """
    inside = np.isin(labels, WHITE_MATTER)
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
        bits: (n_voxels,) from `union_bits`.

    Returns:
        Columns structure, n_voxels and `SUMMARIES`; NaN summaries where a region is empty.
    """
    rows = []
    for entry, values in _regions(std, bits, structures):
        known = summarise(values) if len(values) else dict.fromkeys(SUMMARIES, float("nan"))
        rows.append({"structure": entry.name, "n_voxels": len(values), **known})
    return pd.DataFrame(rows)


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
        bits: (n_voxels,) from `union_bits`.
        n_bins: number of bins.
        upper: upper end of the global bins, in the unit of `std`.

    Returns:
        Columns structure, edges (`own` or `global`), bin (from 0), fraction; no rows for empty
        regions.
    """
    rows = []
    for entry, values in _regions(std, bits, structures):
        if not len(values):
            continue
        kinds = {
            "own": own_histogram(values, n_bins),
            "global": global_histogram(values, n_bins, upper),
        }
        for edges, fractions in kinds.items():
            rows += [(entry.name, edges, b, float(f)) for b, f in enumerate(fractions)]
    return pd.DataFrame(rows, columns=["structure", "edges", "bin", "fraction"])


def _regions(
    std: np.ndarray, bits: np.ndarray, structures: Sequence[Structure]
) -> Iterable[tuple[Structure, np.ndarray]]:
    for position, entry in enumerate(structures):
        yield entry, std[(bits & np.uint32(1 << position)) != 0]


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
