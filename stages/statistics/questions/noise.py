"""How noisy the scans of the noise ensemble are: the nominal and the measured SNR."""

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort

ESTIMATES = ("median", "mean", "pooled")


def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the nominal SNR, its definition, and the median over scans of each estimate."""
    measured = {name: float(cohort.snr[name].median()) for name in ESTIMATES}
    return Answer(
        {"nominal": cohort.noise.snr, "definition": cohort.noise.definition, "measured": measured}
    )
