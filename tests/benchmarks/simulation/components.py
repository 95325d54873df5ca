"""Are the variance components what they were planted as."""

from math import sqrt

import numpy as np

from stages.statistics.methods.variance_components import combine, components
from tests.benchmarks.simulation.study import Line, Study, exactly

PARTS = ("subject", "member", "interaction", "segmentation")


def component_study(
    deviations: tuple[float, float, float, float], shape: tuple[int, int, int], drawn: str
) -> Study:
    """Return the components of cohorts of (scans, members, segmentations), in units of 1e-4.

    `drawn`: which images were segmented repeatedly, "all", "some" (every other scan) or "none".
    """
    n_scans, n_members, _ = shape
    true = {name: 1e4 * sd**2 for name, sd in zip(PARTS, deviations, strict=True)}

    def judged(rng: np.random.Generator) -> dict[str, float]:
        effects = ((n_scans, 1, 1), (1, n_members, 1), (n_scans, n_members, 1), shape)
        values = 8 + sum(sd * rng.normal(size=s) for sd, s in zip(deviations, effects, strict=True))
        draws = None if drawn == "none" else values.copy()
        if drawn == "some":
            draws[::2] = np.nan
        return {n: 1e4 * v for n, v in components(*combine(values[..., 0], draws)).items()}

    n_averaged = shape[2] if drawn == "all" else 1
    noise = true["interaction"] + true["segmentation"] / n_averaged
    free = (n_members - 1) * (n_scans - 1)
    lines = {name: exactly(value) for name, value in true.items()}
    if drawn == "none":
        del lines["segmentation"]
        lines["interaction"] = exactly(noise, "holds the segmentation where none was repeated")
    if not true["member"]:
        sd = noise * sqrt(2 / (n_members - 1) + 2 / free) / n_scans
        lines["member"] = Line(0.0, sd / 2, "truncated at 0, so above it on average")
        taken = sd / 2 * (n_members - 1) * n_scans / (free + n_members - 1)
        value = lines["interaction"].low
        note = "scores of members that are 0 are counted to it"
        lines["interaction"] = Line(value - taken, value, note)
    return Study(judged, lines, per_repeat=10)


def studies() -> dict[str, Study]:
    """Return the studies by name."""
    deviations, shape = (0.1, 0.02, 0.02, 0.01), (10, 8, 3)
    return {
        "components, all drawn": component_study(deviations, shape, "all"),
        "components, some drawn": component_study(deviations, shape, "some"),
        "components, none drawn": component_study(deviations, (10, 8, 1), "none"),
        "components, no member": component_study((0.1, 0.0, 0.02, 0.01), shape, "all"),
    }
