"""Every check of the inspection: silent on sound scans, one line on a scan with one fault."""

import csv
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import Scan, ScanFormat
from stages.kspace.formats.stored_scan import complex_to_interleaved
from stages.kspace.inspection import (
    CHALLENGE,
    Inspected,
    Survey,
    cohort_faults,
    energies,
    inspect,
    row_of,
    spans,
    split_warnings,
    survey,
)
from tests.scans import N_COILS, PARTIAL_FOURIER, fabricate_scan, toy_kspace
from tests.tolerances import assert_rounded, rounding

FORMAT = ScanFormat(N_COILS, PARTIAL_FOURIER)
GRID = (12, 24, 20)
N_ACQUIRED = 17
LABELLED = "e1s1.h5"


def stored(path: Path, kspace: np.ndarray) -> Path:
    """Write complex k-space (slices, coils, ky, kz), whatever it holds."""
    with h5py.File(path, "w") as file:
        file["kspace"] = complex_to_interleaved(kspace)
    return path


def look(path: Path, split: str = "train") -> Inspected:
    return inspect(path, (split,), FORMAT)


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """A scan without fault."""
    return toy_kspace(GRID)


@pytest.mark.parametrize("n_kz", [20, 22, 24, 42])
@pytest.mark.parametrize("seed", range(4))
def test_sound_scans_have_no_fault(tmp_path: Path, n_kz: int, seed: int) -> None:
    fabricate_scan(tmp_path / LABELLED, grid=(12, 24, n_kz), seed=seed)
    found = look(tmp_path / LABELLED)
    assert (found.faults, found.warnings) == ([], [])


# what is measured, against numpy on the whole scan at once


@given(st.integers(0, 2**32 - 1), st.integers(1, 19), st.integers(1, 9), st.integers(1, 9))
def test_energies_are_sums_of_squares(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_slices: int, n_ky: int, n_kz: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n_slices, n_ky, n_kz, 2 * N_COILS)).astype(np.float32)
    path = tmp_path_factory.getbasetemp() / "e1.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = values
    found = survey(open_scan(path, FORMAT))
    power = values.astype(np.float64).reshape(n_slices, n_ky, n_kz, N_COILS, 2) ** 2
    # one slice is summed in float32, at most over all its values; no term is negative
    n_operations = values[0].size + 1
    expected = {"by_coil": power.sum((1, 2, 4)), "by_position": power.sum((0, 3, 4))}
    for name, energy in expected.items():
        assert_rounded(getattr(found, name), energy, n_operations, scale=energy)
    for axis, others in (("slices", (1, 2)), ("ky", (0, 2)), ("kz", (0, 1))):
        energy = power.sum((3, 4)).sum(others)
        assert_rounded(found.along(axis), energy, n_operations, scale=energy)
    assert found.centre == np.unravel_index(power.sum((0, 3, 4)).argmax(), (n_ky, n_kz))
    assert found.rms == pytest.approx(np.sqrt(2 * power.mean()), rel=rounding(n_operations))
    assert found.digest == hashlib.sha256(values.tobytes()).hexdigest()
    assert found.damaged == ()


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1.0, 1e18, 1e25, 3e38]),
    st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), max_size=2),
)
def test_damage_is_not_finite_whatever_the_scale(seed: int, scale: float, bad: list[float]) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.uniform(-1, 1, (5, 4, 6)) * scale).astype(np.float32)
    positions = rng.integers(0, values.size, len(bad))
    values.flat[positions] = bad
    coils, places = energies(values)
    assert np.isfinite(coils).all() == np.isfinite(values).all()
    if not bad:
        power = values.astype(np.float64).reshape(20, 3, 2) ** 2
        for found, expected in ((coils, power.sum((0, 2))), (places.ravel(), power.sum((1, 2)))):
            assert_rounded(found, expected, values.size + 1, scale=expected)


def test_noise_is_measured_where_there_is_hardly_signal(tmp_path: Path) -> None:
    kspace = toy_kspace((12, 64, 64), partial_fourier=1.0)
    rng = np.random.default_rng(0)
    noise = 0.3 * rng.standard_normal((*kspace.shape, 2)) @ np.array([1, 1j])
    stored(tmp_path / LABELLED, (kspace + noise).astype(np.complex64))
    assert look(tmp_path / LABELLED).survey.noise_sigma == pytest.approx(0.3, rel=0.1)


def test_the_digest_is_of_the_values_not_of_the_file(tmp_path: Path, sound: np.ndarray) -> None:
    stored(tmp_path / "plain.h5", sound)
    with h5py.File(tmp_path / "packed.h5", "w") as file:
        values = complex_to_interleaved(sound).astype(">f4")
        file.create_dataset("kspace", data=values, chunks=(3, 24, 5, 8), compression="gzip")
    plain, packed = look(tmp_path / "plain.h5"), look(tmp_path / "packed.h5")
    assert packed.faults == []
    assert packed.survey.digest == plain.survey.digest
    np.testing.assert_array_equal(packed.survey.by_coil, plain.survey.by_coil)


# one fault, one line


def change(where: tuple, value: complex) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that overwrites a part of k-space (slices, coils, ky, kz)."""

    def changed(kspace: np.ndarray) -> np.ndarray:
        kspace[where] = value
        return kspace

    return changed


def transformed(axis: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that takes an axis to the other space, centred."""

    def changed(kspace: np.ndarray) -> np.ndarray:
        shifted = np.fft.ifftshift(kspace, axes=axis)
        return np.fft.fftshift(np.fft.fft(shifted, axis=axis, norm="ortho"), axes=axis)

    return changed


ALL = slice(None)
FAULTS = {
    "nan": (change((3, 1, 5, 7), np.nan), "NaN or infinity in slice 3;"),
    "infinity": (change((slice(3, 6), 1, 5, 7), np.inf), "NaN or infinity in slice 3-5;"),
    "beyond the acquired": (change((2, 1, 5, 19), np.nan), "NaN or infinity in slice 2;"),
    "blank slices": (change(([0, 4, 5],), 0), "every slice, got zeros in slice 0, 4-5;"),
    "blank coil": (change((ALL, 2), 0), "every coil, got zeros in coil 2;"),
    "coil blank in parts": (
        change((slice(8, 10), 1), 0),
        "every coil, got zeros in coil 1 of slice 8-9;",
    ),
    "blank": (change((ALL,), 0), "every slice, got zeros in slice 0-11;"),
    "slices in k-space": (transformed(0), "expected slices in image space, got the energy"),
    "ky an image": (transformed(2), "expected ky in k-space, got the energy spread"),
    "not shifted": (
        lambda k: np.fft.ifftshift(k, axes=2),
        "expected the centre of k-space at (12, 10), got the strongest position at (0, 10)",
    ),
    "less acquired": (
        change((..., slice(14, None)), 0),
        "(data.partial_fourier 0.85), got nothing in column 14-16;",
    ),
    "other side acquired": (
        lambda k: np.roll(k[..., ::-1], 1, -1),
        "got nothing in column 1-3;",
    ),
    "filled in": (
        lambda k: np.where(np.arange(20) < 14, k, 1e-3 * k),
        "got nothing in column 14-16;",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_line(name: str, tmp_path: Path, sound: np.ndarray) -> None:
    break_it, message = FAULTS[name]
    path = stored(tmp_path / LABELLED, break_it(sound.copy()).astype(np.complex64))
    (line,) = look(path).faults
    assert line.startswith(f"{path}: expected ")
    assert message in line


def fastmri_mask(grid: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Return rows (n_ky, 1) of a Cartesian mask: the centre and a third of the others."""
    rows = np.random.default_rng(seed).random(grid[1]) < 0.33
    rows[grid[1] // 2 - 3 : grid[1] // 2 + 3] = True
    return rows[:, None]


def poisson_mask(seed: int = 0) -> np.ndarray:
    """Return positions (n_ky, n_kz): the centre and a fifth of the others."""
    mask = np.random.default_rng(seed).random(GRID[1:]) < 0.2
    mask[8:16, 6:14] = True
    return mask


def every_second_row() -> np.ndarray:
    """Return rows (n_ky, 1) of which every second one is left out, but for the central eight."""
    rows = np.arange(24)
    return ((rows % 2 == 0) | (abs(rows - 12) < 4))[:, None]


SAMPLED = {
    "positions": (poisson_mask(), "other k-space samples"),
    "rows": (fastmri_mask(GRID), "ky row "),
    "every second row": (every_second_row(), "ky row 1, 3, 5, 7, 17, 19, 21, 23)"),
    "the first rows": (np.arange(24)[:, None] >= 5, "ky row 0-4)"),
}


@pytest.mark.parametrize("name", SAMPLED)
def test_a_scan_that_was_undersampled_before(name: str, tmp_path: Path, sound: np.ndarray) -> None:
    mask, where = SAMPLED[name]
    path = stored(tmp_path / LABELLED, (sound * mask).astype(np.complex64))
    (line,) = look(path).faults
    n_missing = (~np.broadcast_to(mask, GRID[1:]))[:, :N_ACQUIRED].sum()
    assert (
        f"expected {24 * N_ACQUIRED} acquired k-space samples with signal, got {n_missing}" in line
    )
    assert where in line
    assert "data.acquired: nonzero" in line
    said = inspect(path, ("train",), replace(FORMAT, acquired="nonzero"))
    assert said.faults == []
    (line,) = said.warnings
    assert line.startswith(
        f"{path}: {n_missing} of {24 * N_ACQUIRED} k-space samples are exactly 0"
    )


def test_slices_that_were_undersampled_each_in_its_own_way(
    tmp_path: Path, sound: np.ndarray
) -> None:
    masks = np.stack([poisson_mask(k) for k in range(GRID[0])])[:, None]
    (line,) = look(stored(tmp_path / LABELLED, (sound * masks).astype(np.complex64))).faults
    assert "expected the same k-space samples acquired in all slices, got" in line


def shutter(margin: float = 0.0) -> np.ndarray:
    """Return positions (n_ky, n_kz) inside an ellipse."""
    y, z = (np.arange(24) - 12) / (12 - margin), (np.arange(20) - 10) / (10 - margin)
    return y[:, None] ** 2 + z**2 <= 1


@pytest.mark.parametrize("margin", [0.0, 0.6])
def test_an_elliptical_shutter(margin: float, tmp_path: Path, sound: np.ndarray) -> None:
    path = stored(tmp_path / LABELLED, (sound * shutter(margin)).astype(np.complex64))
    (line,) = look(path).faults
    assert "set data.acquired: ellipse" in line
    said = inspect(path, ("train",), replace(FORMAT, acquired="ellipse"))
    assert (said.faults, said.warnings) == ([], [])
    assert said.survey.noise_sigma > 0
    small = stored(tmp_path / "e1s2.h5", (sound * shutter(3.0)).astype(np.complex64))
    (line,) = inspect(small, ("train",), replace(FORMAT, acquired="ellipse")).faults
    assert "exactly 0 in all slices and coils" in line
    full = inspect(stored(tmp_path / "e1s3.h5", sound), ("train",), said.scan.layout)
    assert full.faults == []
    (line,) = full.warnings
    assert "hold signal that data.acquired ellipse leaves out" in line


# the conventions of other software


def centred(kspace: np.ndarray, axes: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """Return k-space as fastMRI and BART write it: images begin in the middle of the axes."""
    images = np.fft.ifft2(np.fft.ifftshift(kspace, axes=(2, 3)))
    turned = np.fft.fft2(np.fft.ifftshift(images, axes=axes))
    return np.fft.fftshift(turned, axes=(2, 3)).astype(np.complex64)


@pytest.mark.parametrize("grid", [GRID, (12, 25, 21), (6, 54, 43)])
def test_a_centred_transform(grid: tuple[int, int, int], tmp_path: Path) -> None:
    kspace = toy_kspace(grid)
    path = stored(tmp_path / LABELLED, centred(kspace))
    (line,) = look(path).faults
    assert "got it in the four corners" in line
    assert "set data.centred_transform: true" in line
    layout = replace(FORMAT, centred_transform=True)
    assert inspect(path, ("train",), layout).faults == []
    own = stored(tmp_path / "e1s2.h5", kspace)
    (line,) = inspect(own, ("train",), layout).faults
    assert "set data.centred_transform: false" in line


@pytest.mark.parametrize(("axis", "name"), [(2, "ky"), (3, "kz")])
def test_one_axis_by_another_convention(
    axis: int, name: str, tmp_path: Path, sound: np.ndarray
) -> None:
    (line,) = look(stored(tmp_path / LABELLED, centred(sound, (axis,)))).faults
    assert f"at both ends of {name}" in line


@pytest.mark.parametrize("n_coils", [2, 4, 12])
@pytest.mark.parametrize("seed", range(3))
def test_real_and_imaginary_parts_in_two_blocks(n_coils: int, seed: int, tmp_path: Path) -> None:
    kspace = toy_kspace(GRID, n_coils, seed=seed)
    parts = np.moveaxis(kspace, 1, -1)
    path, layout = tmp_path / LABELLED, ScanFormat(n_coils, PARTIAL_FOURIER)
    with h5py.File(path, "w") as file:
        file["kspace"] = np.concatenate([parts.real, parts.imag], axis=-1)
    (line,) = inspect(path, ("train",), layout).faults
    assert "the imaginary part of each coil in turn, got all real parts before" in line
    stored(tmp_path / "e1s2.h5", kspace)
    assert inspect(tmp_path / "e1s2.h5", ("train",), layout).faults == []


def test_an_image_in_the_plane(tmp_path: Path, sound: np.ndarray) -> None:
    images = np.fft.ifft2(sound, norm="ortho").astype(np.complex64)
    lines = " ".join(look(stored(tmp_path / LABELLED, images)).faults)
    assert "expected ky in k-space" in lines
    assert "expected kz in k-space" in lines


def test_kspace_of_all_three_axes(tmp_path: Path) -> None:
    # without partial Fourier nothing but the slice axis is wrong
    kspace = np.fft.fftshift(np.fft.fft(toy_kspace((40, 24, 20)), axis=0, norm="ortho"), axes=0)
    (line,) = look(stored(tmp_path / LABELLED, kspace.astype(np.complex64))).faults
    assert "gathered around slice 20 as in k-space" in line


def test_axes_in_another_order(tmp_path: Path, sound: np.ndarray) -> None:
    turned = np.ascontiguousarray(sound.transpose(2, 1, 0, 3))  # (ky, coils, slices, kz)
    lines = " ".join(look(stored(tmp_path / LABELLED, turned)).faults)
    assert "expected slices in image space" in lines
    assert "expected ky in k-space" in lines


@pytest.mark.parametrize("extra", [1, 3])
def test_surplus_columns_are_a_warning(tmp_path: Path, extra: int) -> None:
    kspace = toy_kspace(GRID, partial_fourier=1.0)
    kspace[..., N_ACQUIRED + extra :] = 0
    found = look(stored(tmp_path / LABELLED, kspace))
    assert found.faults == []
    (line,) = found.warnings
    last = "17" if extra == 1 else "17-19"
    assert f"kz column {last} of 20 holds signal that data.partial_fourier 0.85 leaves" in line


def test_the_first_columns_filled_in(tmp_path: Path) -> None:
    kspace = toy_kspace(GRID, partial_fourier=1.0)
    kspace[..., :3] *= 1e-3
    (line,) = look(stored(tmp_path / LABELLED, kspace)).faults
    assert "got nothing in column 0-2;" in line


def test_faults_of_one_file_come_together(tmp_path: Path, sound: np.ndarray) -> None:
    kspace = sound.copy()
    kspace[3, 1, 5, 7] = np.nan
    kspace[6] = 0
    kspace[:, 2] = 0
    kspace[9, 0] = 0
    kspace[..., 15:] = 0
    lines = look(stored(tmp_path / LABELLED, kspace)).faults
    messages = ("slice 3;", "slice 6;", "coil 2;", "coil 0 of slice 9;", "column 15-16;")
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert message in line


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.h5", "truncated or not h5"),
        ("planar.h5", "expected kspace of shape"),
        ("other.h5", "expected a dataset 'kspace', found image"),
        ("coils.h5", "expected 8 channels"),
        ("double.h5", "expected float32"),
        ("half.h5", "truncated or not h5"),
        ("_-.h5", "expected a file name with letters or digits"),
    ],
)
def test_files_that_are_no_scans(
    name: str, message: str, tmp_path: Path, sound: np.ndarray
) -> None:
    path, values = tmp_path / name, complex_to_interleaved(sound)
    broken = {"planar.h5": values[0], "coils.h5": values[..., :6]}
    if name == "text.h5":
        path.write_text("hello")
    else:
        with h5py.File(path, "w") as file:
            key = "image" if name == "other.h5" else "kspace"
            kind = np.float64 if name == "double.h5" else np.float32
            file[key] = broken.get(name, values).astype(kind)
    if name == "half.h5":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = look(path)
    (line,) = found.faults
    assert message in line
    assert found.survey is None


# scans beside each other


def named(path: str, digest: str | None = None, splits: tuple[str, ...] = ("train",)) -> Inspected:
    """Return what a file would be found to be, without a file."""
    nothing = np.zeros((1, 1))
    label = "sub-" + "".join(filter(str.isalnum, Path(path).stem))
    found = None if digest is None else Survey(nothing, nothing, (), digest, nothing, 0, {}, 1.0)
    return Inspected(Path(path), splits, label, None, found)


def test_copies_labels_and_splits() -> None:
    cohort = [
        named("train/a.h5", "1"),
        named("train/b.h5", "2"),
        named("train/c-1.h5", "3"),
        named("validation/c1.h5", "4", ("validation",)),
        named("validation/x.h5", "2", ("validation",)),
        named("validation/y.h5", "2", ("validation",)),
        named("validation/damaged.h5"),
        named("validation/damaged_too.h5"),
        named("all/w.h5", "5", ("train", "validation")),
    ]
    both, label, copies = cohort_faults(cohort)
    assert both.startswith("all/w.h5: expected in training or in validation, got it in both")
    assert label.startswith("train/c-1.h5 and validation/c1.h5: expected a label each, got sub-c1")
    assert copies.startswith("train/b.h5 and validation/x.h5 and validation/y.h5: expected diff")


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_every_shared_label_and_content_is_one_line(pairs: list[tuple[int, int]]) -> None:
    cohort = [named(f"f{k}/s{a}.h5", str(b)) for k, (a, b) in enumerate(pairs)]
    names, digests = (list(part) for part in zip(*pairs, strict=True)) if pairs else ([], [])
    repeated = [{n for n in part if part.count(n) > 1} for part in (names, digests)]
    assert len(cohort_faults(cohort)) == sum(map(len, repeated))


def test_the_challenges_scans_are_known() -> None:
    with open(CHALLENGE, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["file"] for row in rows}) == len(rows)
    counts = Counter((row["split"], row["width"]) for row in rows)
    assert counts == {
        ("train", "170"): 40,
        ("train", "180"): 7,
        ("validation", "170"): 16,
        ("validation", "180"): 4,
    }
    wide = sorted(row["file"].split("_")[0] for row in rows if row["width"] == "180")
    assert " ".join(wide) == (
        "e15521s3 e15578s13 e15652s14 e15652s4 e15802s3 e15828s3 e15862s3 e16673s3 e16882s4"
        " e16971s3 e16972s3"
    )


def test_scans_in_the_other_split_than_in_the_challenge() -> None:
    train, validation = "e14396s3_P52224.7.h5", "e14313s5_P37888.7.h5"
    assert (
        split_warnings([named(train), named("own.h5"), named(validation, None, ("validation",))])
        == []
    )
    (line,) = split_warnings([named(validation), named(train)])
    assert line.startswith(f"{validation}: of the challenge's validation set")
    (line,) = split_warnings([named(train, None, ("validation",))])
    assert line.startswith(f"{train}: of the challenge's train set")


def test_the_row_of_a_scan(tmp_path: Path, sound: np.ndarray) -> None:
    row = row_of(look(stored(tmp_path / LABELLED, sound)))
    expected = {"file": LABELLED, "split": "train", "n_slices": 12, "n_ky": 24, "n_kz": 20}
    expected |= {"n_coils": N_COILS, "acquired_columns": 17, "centre_ky": 12, "centre_kz": 10}
    assert {key: row[key] for key in expected} == expected
    rms = np.sqrt(np.mean(np.abs(sound.astype(complex)) ** 2))
    six_digits = 5e-6  # of which the table has as many
    n_operations = sound[0].size + 1
    assert float(row["rms"]) == pytest.approx(rms, rel=six_digits + rounding(n_operations))


@given(st.sets(st.integers(0, 60)))
def test_spans_hold_every_number_once(numbers: set[int]) -> None:
    found = []
    for part in filter(None, spans(sorted(numbers)).split(", ")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(numbers)


def test_a_scan_can_be_of_any_small_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kspace = rng.standard_normal((1, N_COILS, 1, 2)) + 0j
    path = stored(tmp_path / LABELLED, kspace.astype(np.complex64))
    scan: Scan = open_scan(path, FORMAT)
    assert survey(scan).n_acquired in (1, 2)
    assert look(path).faults == []
