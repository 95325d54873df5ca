"""Signed distances (mm, negative inside) of the solids that a head is built of."""

from dataclasses import dataclass, replace

import numpy as np

from stages.anatomy.grid import Points

Triple = tuple[float, float, float]
"""(lateral, anterior, superior), mm."""


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid, turned by `azimuth` in the axial and `elevation` in the sagittal plane."""

    centre: Triple
    radii: Triple
    azimuth: float = 0.0
    """Degrees."""
    elevation: float = 0.0
    """Degrees."""

    def distance(self, points: Points) -> np.ndarray:
        """(q - 1) * geometric mean radius, q the normalised radius: exact sign, approximate mm."""
        x, y, z = (p - np.float32(c) for p, c in zip(points, self.centre, strict=True))
        if self.azimuth:
            x, y = turn(x, y, self.azimuth)
        if self.elevation:
            y, z = turn(y, z, self.elevation)
        squares = sum(
            (p * np.float32(1 / r)) ** 2 for p, r in zip((x, y, z), self.radii, strict=True)
        )
        return (np.sqrt(squares) - 1) * np.float32(np.cbrt(np.prod(self.radii)))

    def grown(self, volume_factor: float) -> "Ellipsoid":
        """The same ellipsoid with `volume_factor` times its volume."""
        factor = volume_factor ** (1 / 3)
        return replace(self, radii=tuple(r * factor for r in self.radii))


@dataclass(frozen=True)
class Tube:
    """A chain of cones through `points`, of `radii` mm, stretched by `stretch` along the axes."""

    points: tuple[Triple, ...]
    radii: tuple[float, ...]
    stretch: Triple = (1.0, 1.0, 1.0)

    def distance(self, points: Points) -> np.ndarray:
        """Distance to the centre line less the local radius, the least over the segments."""
        scaled = [p / np.float32(s) for p, s in zip(points, self.stretch, strict=True)]
        nodes = np.array(self.points) / np.array(self.stretch)
        pieces = zip(nodes[:-1], nodes[1:], self.radii[:-1], self.radii[1:], strict=True)
        return least(*(cone(scaled, *piece) for piece in pieces))

    def grown(self, volume_factor: float) -> "Tube":
        """The same tube with `volume_factor` times its cross section, and thus about its volume."""
        return replace(self, radii=tuple(r * volume_factor**0.5 for r in self.radii))

    def moved(self, lateral_mm: float) -> "Tube":
        """The same tube, `lateral_mm` further from the midline."""
        return replace(self, points=tuple((x + lateral_mm, y, z) for x, y, z in self.points))


Solid = Ellipsoid | Tube


def cone(
    position: list[np.ndarray], start: np.ndarray, end: np.ndarray, r_start: float, r_end: float
) -> np.ndarray:
    """Distance in mm to the segment from start to end, less a radius that runs linearly."""
    axis = end - start
    offset = [p - np.float32(s) for p, s in zip(position, start, strict=True)]
    share = sum(o * np.float32(a / (axis @ axis)) for o, a in zip(offset, axis, strict=True))
    share = np.clip(share, 0, 1)
    squares = sum((o - share * np.float32(a)) ** 2 for o, a in zip(offset, axis, strict=True))
    return np.sqrt(squares) - (np.float32(r_start) + share * np.float32(r_end - r_start))


def turn(u: np.ndarray, v: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (u, v) in axes turned by an angle."""
    cos, sin = np.float32(np.cos(np.deg2rad(degrees))), np.float32(np.sin(np.deg2rad(degrees)))
    return u * cos + v * sin, v * cos - u * sin


def least(*distances: np.ndarray) -> np.ndarray:
    """Union of solids: the least of their signed distances."""
    result = distances[0]
    for other in distances[1:]:
        result = np.minimum(result, other)
    return result


def most(*distances: np.ndarray) -> np.ndarray:
    """Intersection of solids: the greatest of their signed distances."""
    result = distances[0]
    for other in distances[1:]:
        result = np.maximum(result, other)
    return result


def smooth_least(a: np.ndarray, b: np.ndarray, width: float) -> np.ndarray:
    """Union of two solids with a fillet of about `width` mm: the polynomial smooth minimum."""
    share = np.clip(np.float32(0.5) + (b - a) * np.float32(0.5 / width), 0, 1)
    return b + (a - b) * share - np.float32(width) * share * (1 - share)
