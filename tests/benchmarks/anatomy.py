"""Digital phantoms against real label maps: volumes, positions, cortex and cerebellum.

python -m tests.benchmarks.anatomy FOLDER [--heads 12] [--oldest 60]
python -m tests.benchmarks.anatomy --tiny

`--tiny` compares every second voxel of two digital heads with themselves.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area

from stages.anatomy.head import digital_head
from stages.anatomy.label_maps import list_maps, read_map
from stages.anatomy.tissue import CSF, LEFT_TO_RIGHT
from stages.study.structures import SYNTHSEG_TABLE
from tests.benchmarks.tiny import parsed

LEFT = tuple(label for label in SYNTHSEG_TABLE if label not in LEFT_TO_RIGHT.values())
"""Structures of the left and of the midline."""
DEEP = (4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 26, 28)
"""Structures whose centroids align the heads with each other."""
BRAIN = tuple(label for label in SYNTHSEG_TABLE if label != CSF)
CEREBRUM = tuple(label for label in BRAIN if label not in (7, 8, 15, 16, 46, 47))
WHITE = (2, 41)
CORTEX = (3, 42)
CLOSING_MM = 12
"""Radius of the closing that bridges the sulci."""
SMOOTHING_MM = 0.6
"""Blur of a mask before the area of its surface is taken."""
MARGIN_MM = 4
AXES = ("lateral", "anterior", "superior")
YOUNGEST = 22.0
COARSE = 2  # voxels; of `--tiny`


@dataclass(frozen=True)
class Shape:
    """What is measured in one head."""

    volume_ml: dict[int, tuple[float, ...]]
    """(left, right), or the whole of a structure of the midline."""
    centroid_mm: dict[int, np.ndarray]
    """Label -> (superior, anterior, right) in the head's own axes."""
    figures: dict[str, float]
    """Sizes and shares by name."""


def measured(labels: np.ndarray) -> Shape:
    """Return volumes, centroids and figures of a label map of 1 mm (superior, anterior, right)."""
    labels, volumes = cropped(labels), {}
    for label in LEFT:
        sides = (label, LEFT_TO_RIGHT[label]) if label in LEFT_TO_RIGHT else (label,)
        volumes[label] = tuple(float((labels == side).sum()) / 1000 for side in sides)
    present = [label for label in BRAIN if (labels == label).any()]
    places = ndimage.center_of_mass(np.ones(labels.shape, bool), labels, present)
    centroids = {label: np.array(place) for label, place in zip(present, places, strict=True)}
    return Shape(volumes, centroids, cortical(labels) | shares(volumes) | extent(labels))


def cropped(labels: np.ndarray) -> np.ndarray:
    """Return the box around brain and CSF, `MARGIN_MM` wider on each side."""
    inside = np.isin(labels, list(SYNTHSEG_TABLE))
    spans = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return labels[tuple(slice(max(0, s[0] - MARGIN_MM), s[-1] + MARGIN_MM + 1) for s in spans)]


def cortical(labels: np.ndarray) -> dict[str, float]:
    """Return thickness, areas and folding of the cortex.

    The inner surface bounds white matter and all that lies within it; folding is its area over that
    of the cerebrum with sulci bridged; thickness (mm) is the cortex's volume over that area.
    """
    core = np.isin(labels, CEREBRUM) & ~np.isin(labels, CORTEX)
    hull = bridged(np.isin(labels, CEREBRUM))
    inner, outer = area(ndimage.binary_fill_holes(core)), area(hull)
    volume = float(np.isin(labels, CORTEX).sum())
    fluid = float((hull & (labels == CSF)).sum())
    return {
        "inner surface (cm2)": inner / 100,
        "folding (inner surface / hull)": inner / outer,
        "cortical volume / inner surface (mm)": volume / inner,
        "cortex from white matter, 90 % within (mm)": depth_of_cortex(labels),
        "CSF in sulci / hull (%)": 100 * fluid / float(hull.sum()),
    }


def depth_of_cortex(labels: np.ndarray) -> float:
    """Return the distance from white matter (mm) within which 90 % of the cortex lies."""
    distance = ndimage.distance_transform_edt(~np.isin(labels, WHITE))
    return float(np.percentile(distance[np.isin(labels, CORTEX)], 90))


def bridged(mask: np.ndarray) -> np.ndarray:
    """Return a mask on 1 mm closed by a ball of `CLOSING_MM`."""
    padded = np.pad(mask, CLOSING_MM + 2)
    grown = ndimage.distance_transform_edt(~padded) <= CLOSING_MM
    closed = ndimage.distance_transform_edt(grown) > CLOSING_MM
    inner = slice(CLOSING_MM + 2, -CLOSING_MM - 2)
    return (closed | padded)[inner, inner, inner]


def area(mask: np.ndarray) -> float:
    """Return the area (mm2) of the surface of a mask of 1 mm voxels."""
    smooth = ndimage.gaussian_filter(np.pad(mask, 3).astype(np.float32), SMOOTHING_MM)
    points, faces, _, _ = marching_cubes(smooth, 0.5)
    return float(mesh_surface_area(points, faces))


def shares(volumes: dict[int, tuple[float, ...]]) -> dict[str, float]:
    """Return ratios of volumes (%)."""
    whole = {label: sum(sides) for label, sides in volumes.items()}
    brain = sum(v for label, v in whole.items() if label != CSF)
    return {
        "brain without ventricles and CSF (mL)": brain - sum(whole[k] for k in (4, 5, 14, 15)),
        "cortex / cerebral white matter (%)": 100 * whole[3] / whole[2],
        "cerebellum / brain (%)": 100 * (whole[7] + whole[8]) / brain,
        "white matter / cerebellum (%)": 100 * whole[7] / (whole[7] + whole[8]),
    }


def extent(labels: np.ndarray) -> dict[str, float]:
    """Return the length, width and height of cerebrum and cerebellum (mm)."""
    found = {}
    for name, members in (("cerebrum", CEREBRUM), ("cerebellum", (7, 8, 46, 47))):
        mask = np.isin(labels, members)
        for axis, side in enumerate(("height", "length", "width")):
            profile = mask.sum(axis=tuple({0, 1, 2} - {axis}))
            found[f"{side} of the {name} (mm)"] = float(np.count_nonzero(profile > 20))
    return found


def aligned(shapes: list[Shape], reference: dict[int, np.ndarray]) -> list[np.ndarray]:
    """Return centroids (LEFT, 3) as (lateral, anterior, superior), mm, rigidly on a reference.

    Rotation and shift are those that bring the deep structures' centroids onto the reference's.
    """
    return [to_sides(moved(shape.centroid_mm, reference)) for shape in shapes]


def moved(
    centroids: dict[int, np.ndarray], reference: dict[int, np.ndarray]
) -> dict[int, np.ndarray]:
    """Return centroids after the rigid motion that fits the deep ones (Kabsch)."""
    both = [side for label in DEEP for side in (label, LEFT_TO_RIGHT.get(label, label))]
    own, goal = (np.array([of[label] for label in both]) for of in (centroids, reference))
    u, _, vt = np.linalg.svd((own - own.mean(0)).T @ (goal - goal.mean(0)))
    turn = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
    return {
        label: (place - own.mean(0)) @ turn + goal.mean(0) for label, place in centroids.items()
    }


def to_sides(centroids: dict[int, np.ndarray]) -> np.ndarray:
    """Return mean positions of the two sides: (LEFT without CSF, 3), lateral from the midline."""
    rows = []
    for label in LEFT:
        if label == CSF:
            continue
        left, right = centroids[label], centroids[LEFT_TO_RIGHT.get(label, label)]
        rows.append([abs(right[2] - left[2]) / 2, *((left + right) / 2)[[1, 0]]])
    return np.array(rows)


def mean_head(shapes: list[Shape]) -> dict[int, np.ndarray]:
    """Return the mean centroids of heads that share their axes, from the front of the deep ones."""
    known = [label for label in BRAIN if all(label in shape.centroid_mm for shape in shapes)]
    return {k: np.mean([shape.centroid_mm[k] for shape in shapes], axis=0) for k in known}


def phantoms(n_heads: int, oldest: float) -> Iterator[np.ndarray]:
    """Yield the labels of digital heads of ages from `YOUNGEST` to `oldest`; say what they took."""
    for number in range(n_heads):
        age = YOUNGEST + (oldest - YOUNGEST) * number / max(1, n_heads - 1)
        begun = time.process_time()
        labels = digital_head(number, age_years=age).labels
        print(
            f"head {number}: {age:.0f} years, {time.process_time() - begun:.1f} CPU-s", flush=True
        )
        yield labels


def row(name: str, real: np.ndarray, digital: np.ndarray) -> str:
    """Return a line of the table: mean, SD and range of the maps, mean and SD of the phantoms."""
    inside = real.min() <= digital.mean() <= real.max()
    cells = [f"{real.mean():.2f} ({real.std(ddof=1):.2f})", f"{real.min():.2f} to {real.max():.2f}"]
    cells += [f"{digital.mean():.2f} ({digital.std(ddof=1):.2f})", "" if inside else "outside"]
    return "| " + " | ".join([name, *cells]) + " |"


def table(real: list[Shape], digital: list[Shape]) -> Iterator[str]:
    """Yield the lines of the table: volumes, positions, figures."""
    yield "| | maps: mean (SD) | maps: range | phantoms: mean (SD) | |"
    yield "|---|---|---|---|---|"
    for label in LEFT:
        both = [np.array([np.mean(s.volume_ml[label]) for s in group]) for group in (real, digital)]
        yield row(f"{name_of(label)} (mL)", *both)
    reference = mean_head(digital)
    maps, heads = (np.array(aligned(group, reference)) for group in (real, digital))
    names = [name_of(label) for label in LEFT if label != CSF]
    origin = heads.mean(axis=(0, 1)) * [0, 1, 1]
    for k, name in enumerate(names):
        for axis, direction in enumerate(AXES):
            offset = origin[axis]
            yield row(
                f"{name}, {direction} (mm)", maps[:, k, axis] - offset, heads[:, k, axis] - offset
            )
    for name in real[0].figures:
        yield row(name, *(np.array([s.figures[name] for s in group]) for group in (real, digital)))


def name_of(label: int) -> str:
    """Return a structure's name without its side."""
    return SYNTHSEG_TABLE[label].removeprefix("left ")


def main(arguments: list[str] | None = None) -> None:
    """Print the table of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="label maps")
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--oldest", type=float, default=60.0)
    options = parsed(parser, arguments, folder=None, heads=2)
    step = COARSE if options.tiny else 1
    heads = phantoms(options.heads, options.oldest)
    digital = [measured(labels[::step, ::step, ::step]) for labels in heads]
    paths = list_maps(options.folder) if options.folder else []
    real = [measured(read_map(path)) for path in paths] or digital
    print("\n".join(table(real, digital)))


if __name__ == "__main__":
    main()
