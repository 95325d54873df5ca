"""Intervals of other subjects and other members: how often they hold the truth."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from math import sqrt

import numpy as np

from stages.statistics.methods.bootstrap import cluster_draws
from stages.statistics.methods.crossed_intervals import (
    crossed,
    difference,
    half_width,
    interval,
    joint_half_width,
)
from stages.statistics.methods.member_medians import (
    Draws,
    draw,
    median_absolute_bias,
    median_spread,
    row_means,
)
from stages.statistics.methods.member_ranks import correlations
from stages.statistics.questions.calibration import certain
from stages.statistics.questions.ensemble_size import ratio_draws
from stages.statistics.questions.task_error import within_interval
from stages.statistics.questions.volumes import biased
from tests.benchmarks.simulation.study import LEVEL, N_DRAWS, TEST, Line, Study

N_STRUCTURES = 16
SUBJECTS, MEMBERS, SHARED = (8, 20), (4, 12), (0.0, 0.3, 0.65)
N_TRUTH, N_AT_ONCE = 1000, 50  # cohorts that an expectation is the mean of
WITHIN = 0.02  # of the level
N_SUBSETS = 30
COMMON = 0.02  # SD of the error that all members share on a scan, relative to the volume
LEAVES = {
    "spread-skill": "spread_skill",
    "centred spread-skill": "spread_skill_centred",
    "outside all members": "outside",
}
FEW = "four subjects: stated, not promised"


@dataclass(frozen=True)
class Ensemble:
    """Members whose deviations are partly offsets that are the same on every scan."""

    n_subjects: int
    n_members: int
    shared: float
    """Fraction of the members' variance that is offset."""
    heavy: bool
    """Student's t with 5 degrees of freedom, not normal."""
    bias: float = 0.0
    """SD over structures of the bias, relative to the volume."""

    @property
    def name(self) -> str:
        kind = "t5" if self.heavy else "normal"
        biased = ", biased" if self.bias else ""
        sizes = f"{self.n_subjects} subjects, {self.n_members} members"
        return f"{sizes}, {self.shared:g} shared, {kind}{biased}"

    @property
    def biases(self) -> np.ndarray:
        """Bias of each structure, relative to the volume."""
        return self.bias * np.random.default_rng(3).normal(size=N_STRUCTURES)

    @property
    def scans(self) -> dict[str, str]:
        return {f"sub-{s}": f"sub-{s}" for s in range(self.n_subjects)}

    def ratios(self, rng: np.random.Generator, n: int = 1) -> np.ndarray:
        """Return volumes over their targets, (n, n_structures, n_subjects, n_members)."""
        shape = (n, N_STRUCTURES, self.n_subjects)
        spread = 0.02 * np.exp(np.linspace(-0.8, 0.8, N_STRUCTURES)[:, None])
        spread = spread * np.exp(0.3 * rng.normal(size=shape))
        offsets = self._errors((*shape[:2], 1, self.n_members), rng)
        own = self._errors((*shape, self.n_members), rng)
        members = sqrt(self.shared) * offsets + sqrt(1 - self.shared) * own
        common = COMMON * self._errors((*shape, 1), rng)
        return 1 + self.biases[:, None, None] + common + spread[..., None] * members

    def _errors(self, size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.standard_t(5, size=size) / sqrt(5 / 3) if self.heavy else rng.normal(size=size)


def percent(ratios: np.ndarray) -> np.ndarray:
    """Return the bias of each member, in percent."""
    return 100 * (ratios - 1)


def estimates(ratios: np.ndarray, draws: Draws) -> dict[str, tuple[float, float, float]]:
    """Return value, low and high of each estimate.

    Args:
        ratios: (n_structures, n_subjects, n_members).
        draws: of subjects.
    """
    medians = {
        "median CV": median_spread(ratios, draws, relative=True),
        "median absolute bias": median_absolute_bias(percent(ratios), draws),
    }
    found = {n: (float(m.value), *interval(m, LEVEL)[:2]) for n, m in medians.items()}
    leaves = certain(ratios, draws, LEVEL)
    return found | {name: tuple(leaves[leaf].values()) for name, leaf in LEAVES.items()}


def plain(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return each estimate of cohorts (n, n_structures, n_subjects, n_members) by plain formulas.

    Those that have intervals of their logarithm as logarithms.
    """
    n_subjects, n_members = x.shape[2:]
    n_pairs = N_STRUCTURES * n_subjects
    mean, factor = x.mean(axis=-1), (n_members + 1) / n_members
    spread = x.var(axis=-1, ddof=1)
    cv = 100 * np.sqrt(spread) / mean
    biases = np.abs(np.median(percent(mean), axis=2))
    left = x - mean[..., None] - x.mean(axis=2, keepdims=True) + mean.mean(axis=2)[..., None, None]
    inner = (left**2).sum(axis=(1, 2, 3)) / (n_members - 1)
    error = mean - mean.mean(axis=2, keepdims=True)
    outside = (x.min(axis=-1) > 1) | (x.max(axis=-1) < 1)
    whole = spread.mean(axis=(1, 2)) / ((mean - 1) ** 2).mean(axis=(1, 2))
    return {
        "median CV": np.median(cv.reshape(-1, n_pairs), axis=1),
        "median absolute bias": np.median(biases, axis=1),
        "spread-skill": np.log(factor * whole) / 2,
        "centred spread-skill": np.log(factor * inner / (error**2).sum(axis=(1, 2))) / 2,
        "outside all members": outside.mean(axis=(1, 2)),
    }


@cache
def expected(ensemble: Ensemble) -> dict[str, float]:
    """Return the expectation of each estimate, the mean over many cohorts."""
    rng = np.random.default_rng(1)
    parts = [plain(ensemble.ratios(rng, N_AT_ONCE)) for _ in range(N_TRUTH // N_AT_ONCE)]
    means = {n: float(np.mean([part[n] for part in parts])) for n in parts[0]}
    return means | {n: float(np.exp(means[n])) for n in LEAVES if n != "outside all members"}


def coverage_study(ensemble: Ensemble) -> Study:
    """Return how often each interval holds the expectation of its estimate."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        truth = expected(ensemble)
        ratios = ensemble.ratios(rng)[0]
        draws = draw(ensemble.scans, N_DRAWS, rng)
        found = estimates(ratios, draws)
        covers = {n: low <= truth[n] <= high for n, (_, low, high) in found.items()}
        means = row_means(percent(ratios), draws)
        apart = np.abs(means.value - percent(1 + ensemble.biases))
        covers["mean bias"] = float((apart <= half_width(means, LEVEL)).mean())
        together = joint_half_width(means, LEVEL)
        return covers | {"all mean biases": bool((apart <= together).all())}

    names = ["median CV", "median absolute bias", *LEAVES, "mean bias", "all mean biases"]
    low, high, note = LEVEL - WITHIN, LEVEL + WITHIN, ""
    if ensemble.n_subjects < min(SUBJECTS):
        low, high, note = 0.8, 1.0, FEW
    lines = {name: Line(low, high, note) for name in names}
    wide = "too wide where biases are smaller than their uncertainty"
    lines["median absolute bias"] = Line(low, 1.0, note or wide)
    lines["all mean biases"] = Line(low, 1.0, note or "at least the level, whatever the members")
    return Study(judged, lines)


def null_study(ensemble: Ensemble) -> Study:
    """Return how often equal groups differ, and unbiased ones are called biased."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        first, second = ensemble.ratios(rng, 2)
        draws = draw(ensemble.scans, N_DRAWS, rng)
        pairs = {
            "lead in CV": [median_spread(x, draws, relative=True) for x in (first, second)],
            "more biased": [median_absolute_bias(percent(x), draws) for x in (first, second)],
        }
        found = {}
        for name, pair in pairs.items():
            apart = difference(*pair)
            found[name] = bool(abs(apart.value) > half_width(apart, LEVEL))
        means = row_means(percent(first), draws)
        reach = joint_half_width(means, LEVEL)
        return found | {"biased": bool(biased(means.value, reach, 0.0).any())}

    most = TEST + 0.01
    return Study(judged, {n: Line(0.0, most) for n in ("lead in CV", "more biased", "biased")})


def ratio_study(ensemble: Ensemble) -> Study:
    """Return how often the interval of `ensemble_size.ratio` holds 1, normal members."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        ratios = ensemble.ratios(rng)[0]
        draws = draw(ensemble.scans, N_DRAWS, rng)
        found = crossed(
            lambda weights, members: ratio_draws(ratios[..., members], weights, N_SUBSETS),
            draws.weights,
            draws.n_subjects,
            ensemble.n_members,
        )
        low, high, _ = interval(found, LEVEL)
        return {"value": float(found.value), "ratio": low <= 1.0 <= high}

    lines = {"value": Line(0.99, 1.01), "ratio": Line(LEVEL - WITHIN, LEVEL + WITHIN)}
    return Study(judged, lines)


@dataclass(frozen=True)
class Networks:
    """Three architectures whose members' scores and errors are related, and scans add noise."""

    n_subjects: int
    n_members: int
    r: float

    @property
    def groups(self) -> np.ndarray:
        return np.repeat(np.arange(3), self.n_members)

    def pair(self, rng: np.random.Generator) -> np.ndarray:
        """Return scores and errors of scans and members, (2, n_subjects, 3 n_members)."""
        shape = (self.n_subjects, len(self.groups))
        x, y = rng.normal(size=(2, shape[1]))
        latent = np.stack([x, self.r * x + sqrt(1 - self.r**2) * y]) + 3 * self.groups
        return latent[:, None] + rng.normal(size=(2, shape[0], 1)) + rng.normal(size=(2, *shape))


@cache
def expected_within(networks: Networks) -> float:
    """Return the mean of Fisher's z of the rank correlation within architectures, as r."""
    rng = np.random.default_rng(1)
    means = np.stack([networks.pair(rng).mean(axis=1) for _ in range(N_TRUTH)], axis=1)
    r = correlations(means[0], means[1], networks.groups, "within")
    return float(np.tanh(np.mean(np.arctanh(np.clip(r, -0.999999, 0.999999)))))


def within_study(networks: Networks) -> Study:
    """Return how often the interval of task error's correlation holds its expectation."""

    def judged(rng: np.random.Generator) -> dict[str, float]:
        weights = cluster_draws(np.arange(networks.n_subjects), N_DRAWS, rng)
        every = np.concatenate([np.ones((1, networks.n_subjects), dtype=int), weights])
        scores, errors = (every @ part / every.sum(axis=1)[:, None] for part in networks.pair(rng))
        pair = scores, errors
        found = within_interval(pair, networks.groups, weights, networks.n_subjects, LEVEL)
        return {"within": found["low"] <= expected_within(networks) <= found["high"]}

    return Study(judged, {"within": Line(LEVEL - WITHIN, LEVEL + WITHIN)})


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    grid = [Ensemble(*each) for each in product(SUBJECTS, MEMBERS, SHARED, (False, True))]
    few = [Ensemble(4, 4, 0.3, heavy=False)]
    off = [replace(each, bias=0.05) for each in grid if each.shared == SHARED[1]]
    found = {f"crossed, {e.name}": coverage_study(e) for e in (*few, *grid, *off)}
    found |= {f"equal groups, {e.name}": null_study(e) for e in (*few, *grid)}
    normal = [e for e in grid if not e.heavy and e.shared != SHARED[1]]
    found |= {f"ensemble size, {e.name}": ratio_study(e) for e in normal}
    for n_subjects, n_members, r in product(SUBJECTS, MEMBERS, (0.0, 0.6)):
        networks = Networks(n_subjects, n_members, r)
        name = f"task error, {n_subjects} subjects, {n_members} members, r = {r:g}"
        found[name] = within_study(networks)
    return found
