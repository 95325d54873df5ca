"""The potential solves Laplace's equation, as a direct solver does."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from stages.measures.thickness.potential import directions, solve
from stages.measures.thickness.sheet import sheet
from stages.measures.thickness.sulci import Banks, closed_sulci
from tests.measures.thickness.phantoms import shell

NOTHING = Banks(np.zeros(0, dtype=int), np.zeros(0))
SIZES = (1.0, 1.4, 2.0)
CONVERGED = 1e-3  # of a potential from 0 to 1, after a fixed number of sweeps


def bumpy() -> tuple[np.ndarray, np.ndarray]:
    """Return cortex and white matter with uneven surfaces."""
    rng = np.random.default_rng(0)
    lower = 3 + rng.integers(0, 2, (9, 8, 1))
    upper = lower + 2 + rng.integers(0, 2, (9, 8, 1))
    place = np.arange(12)
    return (place >= lower) & (place < upper), place < lower


def direct(cortex: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Solve the same equations by elimination, the padded volume flat."""
    bears, white = (np.pad(each, 1) for each in (cortex, inner))
    number = np.full(bears.shape, -1)
    number[bears] = np.arange(bears.sum())
    rows, columns, values, right = [], [], [], np.zeros(bears.sum())
    for place in np.argwhere(bears):
        row = number[tuple(place)]
        for axis, size in enumerate(SIZES):
            for step in (-1, 1):
                there = place.copy()
                there[axis] += step
                rows += [row]
                columns += [row]
                values += [1 / size**2]
                if (other := number[tuple(there)]) >= 0:
                    rows, columns = [*rows, row], [*columns, other]
                    values += [-1 / size**2]
                elif not white[tuple(there)]:
                    right[row] += 1 / size**2
    matrix = coo_array((values, (rows, columns))).tocsr()
    whole = np.where(white, 0.0, 1.0)
    whole[bears] = spsolve(matrix, right)
    return whole.ravel()


def test_sweeps_reach_the_solution_of_the_linear_equations():
    cortex, inner = bumpy()
    found = solve(sheet(cortex, inner, SIZES), NOTHING)
    assert np.abs(found - direct(cortex, inner)).max() < CONVERGED


def test_directions_are_unit_vectors_away_from_white_matter():
    cortex, inner = bumpy()
    own = sheet(cortex, inner, SIZES)
    along = directions(own, closed_sulci(own))
    assert np.allclose(np.sum(along**2, axis=0), 1, atol=1e-5)
    assert (along[2] > 0).mean() > 0.95


def test_around_convex_white_matter_there_is_no_closed_sulcus():
    ball = shell(15.0, 3.0, 1.0)
    inner = ball.inner >= 0.5
    own = sheet((ball.cortex + ball.inner >= 0.5) & ~inner, inner, (1.0, 1.0, 1.0))
    assert len(closed_sulci(own).places) == 0
