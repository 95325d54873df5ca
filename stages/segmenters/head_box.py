"""Where the head lies in an image: air and zeros around it must not change what is measured."""

import numpy as np

from stages.study.axes import three

Box = tuple[slice, slice, slice]

BINS = 256  # of the histogram that the threshold comes from
SAMPLED = 250_000  # voxels that enter it, about
TAILS = (1.0, 99.0)  # percentiles that it reaches between
LOWERED = 0.5  # of the threshold between air and tissue: dark parts of a head belong to it
AREA_MM2 = 400.0  # of a plane that is brighter, where the head begins
MARGIN_MM = 6.0
SMALLEST_MM = 60.0  # side of a box; where one is smaller, it is no head, and nothing is cut off


def head_box(data: np.ndarray, voxel_size_mm: np.ndarray) -> Box:
    """Return the box around the head, the same voxels whatever surrounds them.

    Planes of one value are cut off at each end. Of the rest, a head begins where `AREA_MM2` of a
    plane are brighter than half of the threshold that Otsu's method finds between air and tissue
    (doi:10.1109/TSMC.1979.4310076), and ends likewise.

    Args:
        data: (i, j, k).
        voxel_size_mm: along each axis.
    """
    filled = varied(data)
    inner = data[filled]
    every = max(1, round((inner.size / SAMPLED) ** (1 / 3)))
    bright = inner > threshold(inner[::every, ::every, ::every])
    box = []
    for axis, (size, outer) in enumerate(zip(voxel_size_mm, filled, strict=True)):
        area = np.prod(voxel_size_mm) / size
        planes = np.flatnonzero(bright.sum(tuple({0, 1, 2} - {axis})) * area >= AREA_MM2)
        if not planes.size or (planes[-1] - planes[0] + 1) * size < SMALLEST_MM:
            return filled
        margin = round(MARGIN_MM / float(size))
        start = max(outer.start, outer.start + int(planes[0]) - margin)
        box.append(slice(start, min(outer.stop, outer.start + int(planes[-1]) + 1 + margin)))
    return three(box)


def varied(data: np.ndarray) -> Box:
    """Return the box without the planes of one value at its ends; all of a constant image."""
    box = []
    for axis, n in enumerate(data.shape):
        others = tuple({0, 1, 2} - {axis})
        planes = np.flatnonzero(data.min(others) < data.max(others))
        box.append(slice(int(planes[0]), int(planes[-1]) + 1) if planes.size else slice(0, n))
    return three(box)


def threshold(data: np.ndarray) -> float:
    """Return half of the way from the darkest part of an image to Otsu's threshold."""
    low, high = np.percentile(data, TAILS)
    counts, edges = np.histogram(data.clip(low, high), BINS, (low, high) if low < high else None)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above, total = below[-1] - below, np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = total / below - (total[-1] - total) / above
    between = np.nan_to_num(below * above * apart**2)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # many where a gap is empty
    return float(low + LOWERED * (middles[best].mean() - low))
