"""What surrogates explain of ln CV, beside the ceilings."""

from math import sqrt

import numpy as np
import pandas as pd
from scipy.special import hyp2f1

from stages.statistics.methods.disjoint_halves import Cohorts, disjoint_r2, half_targets
from stages.statistics.methods.reliability import sampling_variance
from stages.statistics.methods.variability import cv_table
from stages.statistics.questions.surrogates import Targets, predict_target
from tests.benchmarks.simulation.cohorts import Design, tidy, true_log_cv, volumes_of
from tests.benchmarks.simulation.study import LEVEL, N_STRUCTURES, Line, Study

SKEWED_R2 = 0.003  # by 6,000 cohorts, 4 members: 0.2822 where normal variables have 0.2802


def expected_r2(rho2: float, free: int) -> float:
    """Return the mean squared correlation of normal variables, `free` degrees of freedom.

    E[r^2] = 1 - (f - 1) / f (1 - rho^2) 2F1(1, 1; f / 2 + 1; rho^2), the mean of R^2 with one
    random predictor (Muirhead 1982, Aspects of Multivariate Statistical Theory, section 5.2).
    """
    return 1 - (free - 1) / free * (1 - rho2) * float(hyp2f1(1, 1, free / 2 + 1, rho2))


def close(r2: float) -> Line:
    """Return the line of an R^2 of ln s, which normal theory gives nearly: ln s is skewed."""
    return Line(r2 - SKEWED_R2, r2 + SKEWED_R2)


def true_ceiling(design: Design, n_members: int) -> float:
    """Return the R^2 of a perfect predictor within structures."""
    return design.sd**2 / (design.sd**2 + sampling_variance(n_members))


def surrogate_study(design: Design, own_share: float) -> Study:
    """Return what surrogates explain of ln CV within structures, beside the ceilings.

    `perfect` is the true ln CV; `same members` the deviation over members of a measured quantity of
    which `own_share` of the variance is not the volume's; `disjoint` the same quantity in one half
    of the members, the volumes in the other.
    """
    half = design.n_members // 2
    free = N_STRUCTURES * (design.n_exams - 1)
    full, halved = (true_ceiling(design, m) for m in (design.n_members, half))
    exams = {f"sub-{s}": f"sub-{s}" for s in range(design.n_exams)}
    whole = Cohorts(exams, np.arange(design.n_exams)[None, ::-1], LEVEL)

    def judged(rng: np.random.Generator) -> dict[str, float]:
        log_cv = true_log_cv(design, rng)
        z, own = rng.normal(size=(2, *log_cv.shape, design.n_members))
        volumes = tidy(volumes_of(z, log_cv))
        linked = tidy(volumes_of(sqrt(1 - own_share) * z + sqrt(own_share) * own, log_cv))
        cv = cv_table(volumes)
        perfect = tidy(np.exp(log_cv)[..., None]).rename(columns={"volume_mm3": "value"})
        same = cv_table(linked).rename(columns={"cv": "value"})
        both = {"perfect": perfect, "same members": same}
        tidied = [t.assign(group="unet", surrogate=n, kind="A") for n, t in both.items()]
        table = predict_target(pd.concat(tidied), Targets(cv, cv), whole)
        within = table[table["estimate"] == "within_structure_r2"]
        r2 = dict(zip(within["surrogate"], within["value"], strict=True))
        truth = half_targets(volumes).merge(perfect, on=["structure", "subject"])
        truth["value"] = np.log(truth["value"])
        linked_halves = half_targets(linked).rename(columns={"target": "value"})
        of_halves = {"perfect, half": truth, "disjoint": linked_halves}
        found = {n: disjoint_r2(volumes, t, ["value"], whole) for n, t in of_halves.items()}
        return {
            **r2,
            "perfect, half": found["perfect, half"]["disjoint"]["within_r2"]["value"],
            "disjoint halves": found["disjoint"]["disjoint"]["within_r2"]["value"],
            "same half": found["disjoint"]["same"]["within_r2"],
        }

    lines = {
        "perfect": close(expected_r2(full, free)),
        "same members": Line(
            full + 0.02, 1.0, "above the noise ceiling: it shares the members' noise"
        ),
        "perfect, half": close(expected_r2(halved, free)),
        "disjoint halves": close(expected_r2(halved**2, free)),
        "same half": Line(
            halved + 0.02, 1.0, "above the noise ceiling: it shares the members' noise"
        ),
    }
    return Study(judged, lines)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    return {f"surrogate, {m} members": surrogate_study(Design(m), 0.1) for m in (8, 12)}
