"""Masks of phase-encoding lines, against DIRECT's implementation of fastMRI's conventions."""

from fractions import Fraction

import numpy as np
import pytest
from direct.common import subsample
from hypothesis import given
from hypothesis import strategies as st

from stages.kspace.masks import equispaced, random
from stages.kspace.masks.lines import Lines, lines_of
from stages.kspace.masks.protocol import Target
from stages.params.mask import LineParams, MaskParams
from stages.study.errors import StudyError
from tests.fabricated import ROOT

KINDS = {"equispaced": equispaced, "random": random}


def params(kind: str, acceleration: float = 4.0, axis: str = "ky", **more: object) -> MaskParams:
    """Return the default's parameters with line masks of this kind."""
    options = LineParams.model_validate({"axis": axis, "center_fraction": 0.08} | more)
    changes = {"kind": kind, "acceleration": acceleration, kind: options}
    return MaskParams.load(ROOT / "params.yaml").model_copy(update=changes)


def drawn(given_params: MaskParams, target: Target) -> np.ndarray:
    """Return the mask of a kind."""
    return KINDS[given_params.kind].mask_of(given_params, target).mask


def lines_in(mask: np.ndarray, axis: str) -> np.ndarray:
    """Return which lines of an axis a mask samples; it must sample whole lines."""
    lines = mask.any(axis=1 if axis == "ky" else 0)
    held = mask[:, mask.any(axis=0)][mask.any(axis=1)]
    assert held.all()
    return lines


@pytest.mark.parametrize("kind", KINDS)
@given(n=st.integers(30, 230), r=st.sampled_from([3.0, 4.0, 5.0, 8.0]), f=st.floats(0.04, 0.1))
def test_the_centre_is_directs(kind: str, n: int, r: float, f: float) -> None:
    found = params(kind, r, center_fraction=f)
    lines = lines_of(found, found.equispaced if kind == "equispaced" else found.random, at(n))
    theirs = subsample.FastMRIEquispacedMaskFunc([r], [f])
    centre = theirs.mask_func((1, n, 1), return_acs=True, seed=0).numpy().ravel().astype(bool)
    assert list(np.flatnonzero(centre)) == list(range(lines.first, lines.first + lines.n_centre))


def at(n_ky: int, seed: int = 0) -> Target:
    """Return a target whose first axis has n lines, all columns acquired."""
    return Target((n_ky, 12), 12, seed)


# not of any size: where few lines are left DIRECT draws none, or rounds a tie by its last bit
@pytest.mark.parametrize("n", [64, 96, 108, 156, 170, 218])
@pytest.mark.parametrize("r", [3.0, 4.0, 5.0, 8.0])
@pytest.mark.parametrize("f", [0.04, 0.08])
def test_spacing_and_first_line_are_directs(n: int, r: float, f: float) -> None:
    theirs = subsample.FastMRIEquispacedMaskFunc([r], [f])
    those = {
        theirs.mask_func((1, n, 1), seed=seed).numpy().ravel().astype(bool).tobytes()
        for seed in range(200)
    }
    found = params("equispaced", r, center_fraction=f)
    ours = {lines_in(drawn(found, at(n, seed)), "ky").tobytes() for seed in range(200)}
    assert ours & those  # the same offsets give the same lines; no offset is drawn by one alone
    assert len(ours) == len(those)
    assert ours == those


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", ["ky", "kz"])
@given(seed=st.integers(0, 2**32 - 1), acceleration=st.floats(2.0, 8.0))
def test_the_number_of_lines_follows_the_acceleration(
    kind: str, axis: str, seed: int, acceleration: float
) -> None:
    target = Target((108, 84), 72, seed)
    found = KINDS[kind].mask_of(params(kind, acceleration, axis), target)
    assert not found.mask[:, 72:].any()
    n = 108 if axis == "ky" else 72
    n_lines = lines_in(found.mask, axis).sum()
    assert abs(n_lines - n / acceleration) <= (0.5 if kind == "random" else 3)
    centre = 9 if axis == "ky" else 7
    assert lines_in(found.calibration, axis).sum() == centre
    assert found.calibration[54, 42]


@pytest.mark.parametrize("axis", ["ky", "kz"])
def test_the_full_matrix_may_be_counted(axis: str) -> None:
    whole = params("random", 6.0, axis).model_copy(update={"acceleration_of": "full"})
    found = random.mask_of(whole, Target((108, 84), 72, 3))
    assert found.acceleration_full == pytest.approx(6.0, rel=0.03)


def test_every_line_outside_the_centre_is_as_likely() -> None:
    lines = Lines(40, 18, 4, Fraction(13))
    rng = np.random.default_rng(0)
    counts = np.bincount(np.concatenate([random.picked(lines, rng) for _ in range(4000)]))
    assert (counts[18:22] == 0).all()
    outside = counts[lines.outside]
    assert len(outside) == 36
    deviation = (4000 * 0.25 * 0.75) ** 0.5
    assert np.abs(outside - 1000).max() < 5 * deviation


def test_the_centre_alone() -> None:
    lines = Lines(40, 18, 4, Fraction(4))
    assert not len(equispaced.spaced(lines, np.random.default_rng(0)))
    assert not len(random.picked(lines, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("given_params", "message"),
    [
        (params("random", 4.0, center_fraction=0.01), "got none; raise mask.random.center_fr"),
        (params("equispaced", 20.0), "lower mask.equispaced.center_fraction"),
        (
            params("random", 1.1).model_copy(update={"acceleration_of": "full"}),
            "expected at most 24 lines, got 26 for acceleration 1.1 of the full",
        ),
    ],
)
def test_what_cannot_be_drawn(given_params: MaskParams, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        drawn(given_params, Target((24, 20), 17, 0))
