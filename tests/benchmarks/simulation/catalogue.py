"""The studies, a module a question; a new one is its module and its name here."""

from tests.benchmarks.simulation import (
    agreement,
    components,
    conformal,
    crossed,
    image_scores,
    intervals,
    nulls,
    power,
    scan_ranks,
    slopes,
    surrogates,
    thickness,
    total_variance,
)
from tests.benchmarks.simulation.study import Study

MODULES = (
    agreement,
    components,
    conformal,
    crossed,
    image_scores,
    intervals,
    nulls,
    power,
    scan_ranks,
    slopes,
    surrogates,
    thickness,
    total_variance,
)


def all_studies() -> dict[str, Study]:
    """Return the studies by name."""
    return {name: study for module in MODULES for name, study in module.studies().items()}
