r"""How far two computations of the same numbers may lie apart: what the arithmetic says.

A result of n successive operations in floating point carries, with independent rounding errors of
mean zero, a relative error of at most

.. math:: \lambda \sqrt{n} u

with the unit roundoff u and a probability of at least :math:`1 - 2 n \exp(-\lambda^2 / 2)`, of the
sum of the moduli for a sum (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
SIAM 2002, chapters 2 to 4; N. J. Higham and T. Mary 2019, doi:10.1137/18M1226312). Which processor,
which kernels and how many threads compute it is another order of the same operations: the bound
holds for each, so two of them differ by twice that at most.

Where errors grow on their way (iterated networks, divisions by small numbers), the number of
operations says little. The same program in float64 is then the truth, and a second program in
float32 shows how much of it float32 keeps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

LAMBDA = 8.0  # exceeded with a probability below 3e-14 an operation
LARGEST = 1e-3  # what float32 may lose of a result that is worth comparing
FACTOR = 4.0  # between the errors of two programs of the same arithmetic, the worst of a few runs


def rounding(n_operations: float, dtype: Any = np.float32) -> float:
    """Return the relative error that n successive operations leave in a number."""
    return LAMBDA * float(np.sqrt(n_operations) * np.finfo(dtype).eps / 2)


def fft_operations(*sizes: int) -> float:
    """Return the operations that each value of a Fourier transform along axes of these sizes sees.

    The error of a fast transform of N values is, in the 2-norm, that of about seven operations in
    each of log2(N) passes (Higham 2002, theorem 24.2), and even over all values; a size with large
    prime factors takes three transforms of up to twice the size (Bluestein).
    """
    return 21 * float(np.sum(np.log2([2 * size for size in sizes])))


def assert_rounded(
    found: Any, expected: Any, n_operations: float, scale: Any = None, dtype: Any = np.float32
) -> None:
    """Check that two results of about n operations each differ by no more than their rounding.

    Args:
        found: one result.
        expected: the other, of the same shape.
        n_operations: successive operations behind a value, in either.
        scale: what the error is relative to, a number or one for each value: the sum of the moduli
            of a sum, times the condition number; the largest modulus of `expected` otherwise.
        dtype: in which both were computed.
    """
    found, expected = _array(found), _array(expected)
    assert found.shape == expected.shape
    scale = np.abs(expected).max(initial=0) if scale is None else _array(scale)
    bound = 2 * rounding(n_operations, dtype) * scale + np.zeros(found.shape)
    apart = np.abs(found - expected)
    assert (apart <= bound).all(), (
        f"expected values within {2 * rounding(n_operations, dtype):.1e} of the scale,"
        f" got {np.count_nonzero(~(apart <= bound))} of {apart.size} beyond,"
        f" up to {np.nanmax(apart / np.where(bound > 0, bound, 1e-300)):.3g} times the bound"
    )


def error(found: Any, truth: Any) -> float:
    """Return the distance of a result from the truth, root mean square relative to the largest."""
    found, truth = _array(found), _array(truth)
    assert found.shape == truth.shape
    largest = np.abs(truth).max()
    return float(np.sqrt(np.mean(np.abs(found - truth) ** 2)) / (largest or 1))


def assert_not_farther(
    ours: Any, theirs: Sequence[Any], truth: Any, n_operations: float = 100, factor: float = FACTOR
) -> None:
    """Check that a result is not farther from the truth than results of another program are.

    One run of the other may come near the truth by chance, so that several are given: of inputs
    whose last bits differ (`nudged`), for instance.

    Args:
        ours: what is checked, float32.
        theirs: results of another program or another order of operations, float32.
        truth: the same in float64.
        n_operations: successive operations whose rounding is allowed in any case, relative to the
            root mean square of the truth.
        factor: how much farther than the farthest of the others ours may be.
    """
    size = error(np.zeros_like(_array(truth)), truth)
    farthest = max(error(one, truth) for one in theirs)
    assert farthest <= LARGEST, f"expected the same program in float64, got {farthest:.1e} apart"
    allowed = factor * farthest + rounding(n_operations) * size
    found = error(ours, truth)
    assert found <= allowed, f"expected a distance of at most {allowed:.2e}, got {found:.2e}"


def nudged(values: np.ndarray, seed: int) -> np.ndarray:
    """Return float32 or complex64 values whose parts went up or down by one unit in the last place.

    Zeros stay zeros.
    """
    parts = np.ascontiguousarray(values).view(np.float32)
    towards = np.random.default_rng(seed).choice([-np.inf, np.inf], parts.shape)
    moved = np.nextafter(parts, towards.astype(np.float32))
    return np.where(parts == 0, parts, moved).astype(np.float32).view(values.dtype)


@contextmanager
def float64() -> Iterator[None]:
    """Have torch compute in float64 what is made inside, casts to float32 included."""
    import torch

    before, cast = torch.get_default_dtype(), torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.Tensor.float = cast
        torch.set_default_dtype(before)


def _array(values: Any) -> np.ndarray:
    """Return values of numpy or torch in the double of their precision."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    values = np.asarray(values)
    return values.astype(np.complex128 if np.iscomplexobj(values) else np.float64)
