"""Is a cohort of scans what the study takes it for: one pass over the values, a line a fault.

What is measured on a scan (`Survey`) is apart from what is judged: every check is a function of the
survey alone. Where the energy lies tells k-space from images: the energy of an image is spread over
the planes of an axis, that of k-space is gathered in few planes around the centre.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.kspace.conventions import interleaving, mistakes, places
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Acquired, Scan, ScanFormat
from stages.kspace.fourier import to_image
from stages.kspace.region import RIM, elliptical
from stages.storage.nifti import subject
from stages.study.errors import StudyError

AXES = ("slices", "ky", "kz")
FEWEST_PLANES = 8  # of an axis: with fewer, energy spread out and gathered look alike
CENTRE_TOLERANCE = 3  # positions: the phase of coils and head moves the strongest one a little
EDGE = 16  # the outermost 1 / 16 of an axis holds hardly anything but noise
ACQUIRED_POWER = 0.1  # of the power at the edge: weaker columns were filled in, not acquired
CHALLENGE = Path(__file__).with_name("challenge.csv")  # file, split, width: DIRECT's file lists
ADVICE = "leave the scan out or convert it again"
STRONGER = 1.1  # than the strongest slice so far: to look at one of the strongest is enough
FEW = 0.01  # of the positions of a slice: more that hold nothing in some slices were left out there


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over the values of a scan finds; energies are sums of |k|^2 in float64.

    by_coil: (n_slices, n_coils) and by_position: (n_ky, n_kz), without the damaged slices; damaged:
    slices with NaN or infinity; digest: SHA-256 of the values in the order of the file; n_empty:
    (n_ky, n_kz), in how many of the `n_intact` slices that hold anything all coils are exactly 0;
    energy: of the strongest slice's image by place, as `places`; interleaving: of that slice.
    """

    by_coil: np.ndarray
    by_position: np.ndarray
    damaged: tuple[int, ...]
    digest: str
    n_empty: np.ndarray
    n_intact: int
    energy: dict[str, float]
    interleaving: float

    def along(self, axis: str) -> np.ndarray:
        """Energy of each plane across one of the `AXES`."""
        if axis == "slices":
            return self.by_coil.sum(axis=1)
        return self.by_position.sum(axis=2 - AXES.index(axis))

    @property
    def n_parts(self) -> int:
        """Number of real and imaginary parts behind each position of `by_position`."""
        return 2 * (len(self.by_coil) - len(self.damaged)) * self.by_coil.shape[1]

    @property
    def centre(self) -> tuple[int, int]:
        """Position (ky, kz) of the largest energy."""
        ky, kz = np.unravel_index(np.argmax(self.by_position), self.by_position.shape)
        return int(ky), int(kz)

    @property
    def held(self) -> np.ndarray:
        """Which kz columns (n_kz,) hold something that was acquired, be it noise."""
        # of positions that hold anything: outside a shutter there may be none
        columns = self.along("kz") / np.maximum((~self.never).sum(axis=0), 1)
        n = edge(len(columns))
        # partial Fourier leaves out one of the two edges
        noise = max(np.median(columns[:n]), np.median(columns[-n:]))
        return (columns > ACQUIRED_POWER * noise) & (columns > 0)

    @property
    def never(self) -> np.ndarray:
        """Which positions (n_ky, n_kz) are exactly zero in all coils and intact slices."""
        return self.n_empty == self.n_intact

    @property
    def n_acquired(self) -> int:
        """Number of kz columns up to the last that holds something."""
        held = np.flatnonzero(self.held)
        return int(held[-1]) + 1 if len(held) else 0

    @property
    def noise_sigma(self) -> float:
        """Root mean square of real and imaginary parts at the lowest ky and kz: hardly signal.

        Where nothing was acquired there, as outside a shutter, at as many of the outermost
        positions that hold something.
        """
        n_ky, n_kz = map(edge, self.by_position.shape)
        noise = self.by_position[:n_ky, :n_kz]
        if not noise.any():
            y, z = (np.square((np.arange(n) - n // 2) / n) for n in self.by_position.shape)
            held = np.where(self.by_position > 0, y[:, None] + z, 0)
            noise = self.by_position.ravel()[np.argsort(held, axis=None)[-n_ky * n_kz :]]
        return float(np.sqrt(noise.mean() / self.n_parts))

    @property
    def rms(self) -> float:
        r"""Root of the mean of |k|^2 over all coils and positions, zeros included."""
        return float(np.sqrt(2 * self.by_position.mean() / self.n_parts))


@dataclass(frozen=True, eq=False)
class Inspected:
    """A file of the cohort, the splits that list it, and what was found; None where nothing."""

    path: Path
    splits: tuple[str, ...]
    label: str | None = None
    scan: Scan | None = None
    survey: Survey | None = None
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def edge(n: int) -> int:
    """Return how many positions at the end of an axis count as its edge."""
    return max(n // EDGE, 1)


def inspect(path: Path, splits: tuple[str, ...], layout: ScanFormat) -> Inspected:
    """Read one file once and judge it; whatever is wrong becomes a line, never an error.

    Args:
        path: the file.
        splits: the parts of the cohort that list it.
        layout: what the parameters say about it.
    """
    label = scan = None
    try:
        label = subject(path)
        scan = open_scan(path, layout)
        found = survey(scan)
    except StudyError as error:
        return Inspected(path, splits, label, scan, faults=[str(error)])
    faults = [f"{path}: {line}" for line in faults_of(found, scan)]
    warnings = [f"{path}: {line}" for line in warnings_of(found, scan)]
    return Inspected(path, splits, label, scan, found, faults, warnings)


def survey(scan: Scan) -> Survey:
    """Measure a scan in batches; raise `StudyError` if the file cannot be read to its end."""
    by_coil = np.zeros((scan.n_slices, scan.n_coils))
    by_position = np.zeros((scan.n_ky, scan.n_kz))
    n_empty, strongest, sample = np.zeros(by_position.shape, int), 0, None
    damaged, digest = [], hashlib.sha256()
    for start, stored in scan.stored_batches():
        values = np.ascontiguousarray(stored, dtype=np.float32)
        digest.update(values)
        for index, one in enumerate(values, start):
            coils, positions = energies(one)
            if np.isfinite(coils).all():
                by_coil[index] = coils
                by_position += positions
                n_empty += (positions == 0) & bool(coils.any())
                if sample is None or coils.sum() > STRONGER * by_coil[strongest].sum():
                    strongest, sample = index, one.copy()
            else:
                damaged.append(index)
    n_intact = int(by_coil.any(axis=1).sum())
    energy: dict[str, float] = {}
    turn = np.nan
    if sample is not None:
        energy = places(to_image(scan.read(strongest, strongest + 1)[0]))
        turn = interleaving(sample)
    return Survey(
        by_coil, by_position, tuple(damaged), digest.hexdigest(), n_empty, n_intact, energy, turn
    )


def energies(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the energy of each coil (n_coils,) and of each position (n_ky, n_kz), float64.

    Args:
        values: one slice as in the file, (n_ky, n_kz, 2 n_coils); where one is NaN or infinite, so
            is the energy of its coil.
    """
    n_channels = values.shape[-1]
    with np.errstate(all="ignore"):  # NaN, infinity and overflow are looked at below
        power = np.square(values).reshape(-1, n_channels)
        # products with ones are the fastest sums; float32 is exact enough for one slice
        channels = np.ones(len(power), power.dtype) @ power
        positions = power @ np.ones(n_channels, power.dtype)
    finite = np.isfinite(channels).all() and np.isfinite(positions).all()
    if not finite and values.dtype == np.float32 and np.isfinite(values).all():
        return energies(values.astype(np.float64))  # only the squares were too large
    coils = channels.reshape(-1, 2).sum(axis=1, dtype=np.float64)
    return coils, positions.astype(np.float64).reshape(values.shape[:-1])


def faults_of(found: Survey, scan: Scan) -> list[str]:
    """Return a line for everything about a scan that the study cannot work with."""
    lines = damaged_slices(found) + blank_parts(found)
    if not found.by_position.any():
        return lines
    centred = scan.geometry.centred
    spaces = [] if scan.geometry.raw else wrong_spaces(found)
    lines += spaces or mistakes(found.energy, found.interleaving, centred)
    lines += misplaced_centre(found)
    for check in (changing_positions, missing_positions, missing_columns):
        if missing := check(found, scan):
            return lines + missing
    return lines


def warnings_of(found: Survey, scan: Scan) -> list[str]:
    """Return a line for everything that the study can work with but the user should know."""
    return list(scan.geometry.notes) + surplus_columns(found, scan) + gaps(found, scan)


def damaged_slices(found: Survey) -> list[str]:
    """Return a line if values are not finite."""
    if not found.damaged:
        return []
    bad = spans(found.damaged)
    return [f"expected finite k-space, got NaN or infinity in slice {bad}; {ADVICE}"]


def blank_parts(found: Survey) -> list[str]:
    """Return a line each for blank slices, blank coils, and each coil that is blank in parts."""
    blank = found.by_coil == 0
    blank[list(found.damaged)] = False
    slices = blank.all(axis=1)
    intact = ~slices
    intact[list(found.damaged)] = False
    coils = blank[intact].all(axis=0) & intact.any()
    lines = []
    if slices.any():
        bad = spans(np.flatnonzero(slices))
        lines.append(f"expected signal in every slice, got zeros in slice {bad}; {ADVICE}")
    if coils.any():
        bad = spans(np.flatnonzero(coils))
        lines.append(f"expected signal in every coil, got zeros in coil {bad}; {ADVICE}")
    for coil in np.flatnonzero(~coils & blank[intact].any(axis=0)):
        bad = f"coil {coil} of slice {spans(np.flatnonzero(blank[:, coil] & intact))}"
        lines.append(f"expected signal in every coil, got zeros in {bad}; {ADVICE}")
    return lines


def wrong_spaces(found: Survey) -> list[str]:
    """Return a line for each axis in the wrong space: slices are images, ky and kz are k-space."""
    advice = "transform the axis or correct the order of the axes"
    lines = []
    for axis in AXES:
        planes = found.along(axis)
        if len(planes) < FEWEST_PLANES:
            continue
        if axis == "slices" and gathered(planes):
            where = f"gathered around slice {int(np.argmax(planes))} as in k-space"
            lines.append(f"expected slices in image space, got the energy {where}; {advice}")
        elif axis != "slices" and not gathered(planes):
            where = "spread over it as in an image"
            lines.append(f"expected {axis} in k-space, got the energy {where}; {advice}")
    return lines


def gathered(planes: np.ndarray) -> bool:
    r"""Return whether the energy of the planes of an axis (n,) lies in few of them.

    The effective number of planes, 1 / sum p^2 with p their parts of the energy, is 1 where all is
    in one plane and n where all planes are equal; sqrt(n) lies midway between the two.
    """
    return bool(planes.sum() ** 2 < np.sqrt(len(planes)) * np.square(planes).sum())


def misplaced_centre(found: Survey) -> list[str]:
    """Return a line if the strongest position lies away from the middle of an axis of k-space."""
    middle = tuple(n // 2 for n in found.by_position.shape)
    off = [
        abs(at - goal) > CENTRE_TOLERANCE and gathered(found.along(axis))
        for axis, at, goal in zip(AXES[1:], found.centre, middle, strict=True)
    ]
    if not any(off):
        return []
    return [
        f"expected the centre of k-space at {middle}, got the strongest position at"
        f" {found.centre}; shift ky and kz (fftshift) or look for a spike"
    ]


def missing_columns(found: Survey, scan: Scan) -> list[str]:
    """Return a line if kz columns that the parameters call acquired hold nothing."""
    expected = scan.expected
    if scan.layout.acquired == "nonzero":
        expected = expected & ~found.never
    expected = expected.any(axis=0)
    missing = np.flatnonzero(~found.held[: scan.n_acquired] & expected[: scan.n_acquired])
    if not len(missing):
        return []
    return [
        f"expected {scan.n_acquired} acquired kz columns of {scan.n_kz} (data.partial_fourier"
        f" {scan.partial_fourier:g}), got nothing in column {spans(missing)}; correct"
        " data.partial_fourier or leave the scan out"
    ]


def missing_positions(found: Survey, scan: Scan) -> list[str]:
    """Return a line if positions are exactly zero, in all coils and slices, beside acquired ones.

    A scan that was undersampled is like that, and one whose scanner left out rows or corners.
    """
    expected = scan.expected
    missing = expected & found.never
    if scan.layout.acquired == "nonzero" or not (missing & found.held).any():
        return []
    rows, columns = (
        (missing | ~expected).all(axis=axis) & expected.any(axis=axis) for axis in (1, 0)
    )
    n_others = int(missing[~rows][:, ~columns].sum())
    where = [
        f"{name} {spans(np.flatnonzero(whole))}"
        for name, whole in (("ky row", rows), ("kz column", columns))
        if whole.any()
    ]
    where += [f"{n_others} other k-space samples"] if n_others else []
    return [
        f"expected {int(expected.sum())} acquired k-space samples with signal, got"
        f" {int(missing.sum())} that are exactly 0 in all slices and coils ({' and '.join(where)});"
        f" {advice_on(missing, scan.layout.acquired)}"
    ]


def advice_on(missing: np.ndarray, acquired: Acquired) -> str:
    """Return what to do about missing positions (n_ky, n_kz), bool."""
    if acquired == "columns" and not (missing & elliptical(missing.shape, RIM)).any():
        return (
            "if the scanner left out the corners (elliptical shutter), set data.acquired: ellipse"
        )
    return (
        "a scan that was undersampled before is no reference: take the fully sampled one; if the"
        " scanner left out these in every scan, set data.acquired: nonzero"
    )


def changing_positions(found: Survey, scan: Scan) -> list[str]:
    """Return a line if slices have zeros at positions that hold something in other slices."""
    expected = scan.expected & ~found.never
    empty = found.n_empty[expected].sum() / max(found.n_intact * expected.sum(), 1)
    if empty <= FEW:
        return []
    return [
        f"expected the same k-space samples acquired in all slices, got {empty:.0%} of them that"
        " are exactly 0 in some slices; take the scan as it was before it was undersampled"
    ]


def gaps(found: Survey, scan: Scan) -> list[str]:
    """Return a line for what `data.acquired` takes out of the acquired columns."""
    columns = np.broadcast_to(np.arange(scan.n_kz) < scan.n_acquired, found.by_position.shape)
    if scan.layout.acquired == "nonzero" and (columns & found.never).any():
        n_empty = int((columns & found.never).sum())
        return [
            f"{n_empty} of {int(columns.sum())} k-space samples are exactly 0 and count as not"
            " acquired (data.acquired nonzero); the reference lacks them too"
        ]
    outside = columns & ~elliptical(found.by_position.shape) & ~found.never
    if scan.layout.acquired == "ellipse" and outside.any():
        return [
            f"{int(outside.sum())} k-space samples hold signal that data.acquired ellipse leaves"
            " out"
        ]
    return []


def surplus_columns(found: Survey, scan: Scan) -> list[str]:
    """Return a line if columns hold signal that the study, like the challenge, leaves out."""
    surplus = np.flatnonzero(found.held[scan.n_acquired :]) + scan.n_acquired
    if not len(surplus):
        return []
    return [
        f"kz column {spans(surplus)} of {scan.n_kz} holds signal that data.partial_fourier"
        f" {scan.partial_fourier:g} leaves out"
    ]


def cohort_faults(cohort: list[Inspected]) -> list[str]:
    """Return a line for every scan in two splits, label of several scans, and copied scan."""
    lines = [
        f"{one.path}: expected in training or in validation, got it in both; correct"
        " data.train_files, data.validation_files or data.monitor_files"
        for one in cohort
        if len(one.splits) > 1
    ]
    for label, paths in shared({one.path: one.label for one in cohort}).items():
        lines.append(f"{paths}: expected a label each, got {label} for all; rename all but one")
    for paths in shared({one.path: one.survey and one.survey.digest for one in cohort}).values():  # type: ignore[misc]  # a survey is true
        lines.append(f"{paths}: expected different values, got the same; leave out all but one")
    return lines


def shared(keys: dict[Path, str | None]) -> dict[str, str]:
    """Return each key that several files have, and these files; None is no key."""
    groups = defaultdict(list)
    for path, key in keys.items():
        groups[key].append(str(path))
    groups.pop(None, None)
    return {key: " and ".join(paths) for key, paths in groups.items() if len(paths) > 1}  # type: ignore[misc]  # None is gone


def split_warnings(cohort: list[Inspected]) -> list[str]:
    """Return a line if the cohort trains on validation scans of the challenge, or the reverse."""
    with open(CHALLENGE, newline="", encoding="utf-8") as stream:
        known = {row["file"]: row["split"] for row in csv.DictReader(stream)}
    lines = []
    for split in sorted(set(known.values())):
        names = [one.path.name for one in cohort if split not in one.splits]
        moved = [name for name in names if known.get(name) == split]
        if moved:
            lines.append(
                f"{', '.join(moved)}: of the challenge's {split} set, but not of this cohort's;"
                " its published results are no comparison"
            )
    return lines


def row_of(one: Inspected) -> dict[str, object]:
    """Return what the table says of a scan without faults."""
    scan, found = one.scan, one.survey  # type: Scan, Survey  # type: ignore[assignment]
    return {
        "file": one.path.name,
        "split": one.splits[0],
        "n_slices": scan.n_slices,
        "n_ky": scan.n_ky,
        "n_kz": scan.n_kz,
        "n_coils": scan.n_coils,
        "voxel_size_mm": " x ".join(f"{mm:.6g}" for mm in scan.geometry.voxel_size_mm),
        "axis_codes": scan.geometry.axis_codes,
        "acquired_columns": found.n_acquired,
        "centre_ky": found.centre[0],
        "centre_kz": found.centre[1],
        "rms": f"{found.rms:.6g}",
        "noise_sigma": f"{found.noise_sigma:.6g}",
        "sha256": found.digest,
    }


def spans(numbers: Iterable[int]) -> str:
    """Return ascending numbers in short, e.g. `3, 5-9, 12`."""
    runs: list[list[int]] = []
    for number in map(int, numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)
