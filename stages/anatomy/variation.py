"""What differs between subjects and between the two sides of a head."""

from dataclasses import dataclass, field

import numpy as np

from stages.study.axes import three

AGE_RANGE_YEARS = (22.0, 78.0)


@dataclass(frozen=True)
class Spread:
    """How the volume of a structure varies around its mean."""

    subjects: float
    """Log-SD between subjects, beside head size and warp."""
    sides: float
    """Log-SD of the ratio left / right."""
    ageing: float = 0.0
    """Log-change per unit of ageing (50 years beyond the age of 30)."""


# Chosen so that the simulated spread comes near to that of twelve real label maps
# (docs/anatomy.md): 14-18 % for the nuclei, 27 % for the hippocampus, 35-60 % for ventricles; sides
# differ by 2-19 %.
SPREAD = {
    "lateral ventricle": Spread(0.4, 0.15, 0.62),
    "inferior horn": Spread(0.42, 0.20, 0.62),
    "third ventricle": Spread(0.34, 0.0, 0.50),
    "fourth ventricle": Spread(0.24, 0.0, 0.15),
    "thalamus": Spread(0.12, 0.02, -0.08),
    "caudate": Spread(0.13, 0.035, -0.06),
    "putamen": Spread(0.11, 0.035, -0.10),
    "pallidum": Spread(0.12, 0.06, -0.05),
    "hippocampus": Spread(0.17, 0.05, -0.18),
    "amygdala": Spread(0.16, 0.06, -0.12),
    "accumbens": Spread(0.15, 0.10, -0.12),
    "ventral diencephalon": Spread(0.1, 0.03, -0.04),
    "brainstem": Spread(0.08, 0.0),
    "cerebellum": Spread(0.1, 0.025, -0.05),
    "cerebellum white matter": Spread(0.08, 0.03),
}


@dataclass(frozen=True)
class Subject:
    """The random numbers of one head."""

    age_years: float
    ageing: float
    """0 up to the age of 30, 1 at 80."""
    scale: tuple[float, float, float]
    """Size along (superior, anterior, right) relative to the mean head."""
    thickness: float
    """Cortical thickness relative to the mean at this age."""
    sulcal_width: float
    """Width of the sulci relative to the mean at this age."""
    volume: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Volume factor (left, right) of each structure of `SPREAD`."""


def draw_subject(rng: np.random.Generator, age_years: float | None) -> Subject:
    """Draw one subject; without an age, one uniform in `AGE_RANGE_YEARS`."""
    drawn_age = float(rng.uniform(*AGE_RANGE_YEARS))
    age = drawn_age if age_years is None else float(age_years)
    ageing = float(np.clip((age - 30) / 50, 0, 1.2))
    size = lognormal(rng, 0.03)
    return Subject(
        age_years=age,
        ageing=ageing,
        scale=three(size * lognormal(rng, 0.027) for _ in range(3)),
        thickness=lognormal(rng, 0.04),
        sulcal_width=lognormal(rng, 0.22),
        volume={name: draw_sides(rng, spread, ageing) for name, spread in SPREAD.items()},
    )


def draw_sides(rng: np.random.Generator, spread: Spread, ageing: float) -> tuple[float, float]:
    """Volume factors (left, right); their mean over subjects of all ages is near 1."""
    mean_ageing = 0.42  # of ages uniform in AGE_RANGE_YEARS
    both = np.exp(spread.ageing * (ageing - mean_ageing)) * lognormal(rng, spread.subjects)
    ratio = lognormal(rng, spread.sides)
    return float(both * ratio**0.5), float(both * ratio**-0.5)


def lognormal(rng: np.random.Generator, log_sd: float) -> float:
    """exp of a normal number of mean 0, cut at 2.2 SD so that structures keep their places."""
    return float(np.exp(log_sd * np.clip(rng.standard_normal(), -2.2, 2.2)))
