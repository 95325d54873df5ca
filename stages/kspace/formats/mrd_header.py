"""The XML header of ISMRMRD, which MRD files and fastMRI files carry: what the study reads of it.

Headers of all versions are read: elements are found by their names, and others are passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from stages.study.errors import StudyError

LARGEST_BYTES = 1 << 24  # of the text; whole headers have some ten kilobytes
LARGEST_SIDE = 1 << 14  # positions
CARTESIAN = "cartesian"
COUNTERS = ("repetition", "contrast", "phase", "set")
"""Of which a reference may have one alone."""
MANY = {
    "repetition": "repetitions (a time series)",
    "contrast": "contrasts (multi-echo)",
    "phase": "cardiac phases",
    "set": "sets (phase contrast, inversion times)",
}


@dataclass(frozen=True)
class Space:
    """A grid of the header: number of positions and field of view (mm) along (x, y, z)."""

    matrix: tuple[int, int, int]
    fov_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Limits:
    """Smallest, largest and central number of an encoding step."""

    minimum: int
    maximum: int
    centre: int


@dataclass(frozen=True)
class MrdHeader:
    """What a header says of its first encoding."""

    encoded: Space
    recon: Space
    trajectory: str
    limits: Mapping[str, Limits]
    """By name: `kspace_encoding_step_1`, `slice`, ..."""
    acceleration: tuple[float, float]
    """Along the encoding steps 1 and 2; 1 where the header does not say it."""
    n_coils: int | None
    noise_bandwidth: float
    """Of the receiver, relative; 1 where the header does not say it."""

    @property
    def n_kept(self) -> int:
        """Readout positions that remain when oversampling is taken out."""
        fraction = self.recon.fov_mm[0] / self.encoded.fov_mm[0]
        return min(max(round(self.encoded.matrix[0] * fraction), 1), self.encoded.matrix[0])


def parse_header(text: str | bytes, path: Path) -> MrdHeader:
    """Return what a header says; raise `StudyError` if it is no such header or lacks something."""
    if len(text) > LARGEST_BYTES:
        raise _fault(path, f"{len(text)} bytes, more than {LARGEST_BYTES}")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise _fault(path, f"no XML ({' '.join(str(error).split())})") from None
    encoding = _child(root, "encoding")
    if encoding is None:
        raise _fault(path, f"<{_name(root)}> without an encoding")
    return MrdHeader(
        _space(encoding, "encodedSpace", path),
        _space(encoding, "reconSpace", path),
        _text(encoding, ("trajectory",)) or CARTESIAN,
        _limits(encoding, path),
        _acceleration(encoding, path),
        _coils(root, path),
        _number(
            _text(root, ("acquisitionSystemInformation", "relativeReceiverNoiseBandwidth")),
            1.0,
            "relativeReceiverNoiseBandwidth",
            path,
        ),
    )


def check_supported(header: MrdHeader, path: Path) -> None:
    """Raise `StudyError` for a scan that is no fully sampled Cartesian image of one contrast."""
    if header.trajectory != CARTESIAN:
        kind = "EPI" if header.trajectory == "epi" else "non-Cartesian"
        raise StudyError(
            f"{path}: expected a Cartesian scan, got the trajectory {header.trajectory} ({kind}),"
            " which is not supported; leave the scan out"
        )
    for name in COUNTERS:
        limits = header.limits.get(name)
        if limits and limits.maximum > limits.minimum:
            n = limits.maximum - limits.minimum + 1
            raise several(path, name, n)
    if max(header.acceleration) > 1:
        factors = " x ".join(f"{factor:g}" for factor in header.acceleration)
        raise StudyError(
            f"{path}: expected a fully sampled scan as a reference, got one that was acquired with"
            f" acceleration {factors} (prospectively undersampled), which is not supported; leave"
            " the scan out"
        )


def several(path: Path, counter: str, n: int) -> StudyError:
    """Return the error of a scan with several images of one slice."""
    return StudyError(
        f"{path}: expected one image of each slice, got {n} {MANY[counter]}, which are not"
        " supported; write a file for each"
    )


def _fault(path: Path, why: str) -> StudyError:
    return StudyError(
        f"{path}: expected a header of ISMRMRD, got {why}; copy the file again or convert it anew"
    )


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in element if _name(child) == name), None)


def _text(element: ElementTree.Element, names: tuple[str, ...]) -> str | None:
    found: ElementTree.Element | None = element
    for name in names:
        found = None if found is None else _child(found, name)
    return None if found is None or not found.text else found.text.strip()


def _number(text: str | None, default: float | None, name: str, path: Path) -> float:
    if text is None:
        if default is None:
            raise _fault(path, f"none with {name}")
        return default
    try:
        value = float(text)
    except ValueError:
        raise _fault(path, f"'{text[:40]}' for {name}") from None
    if not 0 < value < float("inf"):
        raise _fault(path, f"{value:g} for {name}")
    return value


def _space(encoding: ElementTree.Element, name: str, path: Path) -> Space:
    def along(kind: str, axis: str) -> float:
        return _number(_text(encoding, (name, kind, axis)), None, f"{name}.{kind}.{axis}", path)

    matrix = [along("matrixSize", axis) for axis in "xyz"]
    for axis, n in zip("xyz", matrix, strict=True):
        if n != round(n) or n > LARGEST_SIDE:
            raise _fault(path, f"{n:g} for {name}.matrixSize.{axis}")
    x, y, z = (along("fieldOfView_mm", axis) for axis in "xyz")
    return Space((int(matrix[0]), int(matrix[1]), int(matrix[2])), (x, y, z))


def _limits(encoding: ElementTree.Element, path: Path) -> dict[str, Limits]:
    parent = _child(encoding, "encodingLimits")
    found = {}
    for element in parent if parent is not None else ():
        values = [_text(element, (key,)) for key in ("minimum", "maximum", "center")]
        try:
            low, high, centre = (int(value or 0) for value in values)
        except ValueError:
            raise _fault(path, f"{values} for the limits of {_name(element)}") from None
        if not 0 <= low <= high:
            raise _fault(path, f"{low} to {high} for the limits of {_name(element)}")
        found[_name(element)] = Limits(low, high, centre)
    return found


def _acceleration(encoding: ElementTree.Element, path: Path) -> tuple[float, float]:
    one, two = (
        _number(
            _text(encoding, ("parallelImaging", "accelerationFactor", f"kspace_encoding_step_{k}")),
            1.0,
            "accelerationFactor",
            path,
        )
        for k in (1, 2)
    )
    return one, two


def _coils(root: ElementTree.Element, path: Path) -> int | None:
    text = _text(root, ("acquisitionSystemInformation", "receiverChannels"))
    return None if text is None else int(_number(text, None, "receiverChannels", path))
