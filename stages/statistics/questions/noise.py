"""How noisy the scans of the noise ensemble are: the nominal and the measured SNR."""

import numpy as np

from stages.params.analyse import AnalyseParams
from stages.params.noise import NoiseParams
from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort
from stages.statistics.needs import NOISE, needs

ESTIMATES = ("median", "mean", "pooled")


@needs(NOISE)
def ask(cohort: Cohort, _: AnalyseParams, __: np.random.Generator) -> Answer:
    """Return the nominal SNR, its definition, and the median over scans of each estimate."""
    added: NoiseParams = cohort.noise  # type: ignore[assignment]  # a noise ensemble has them
    measured = {name: float(cohort.snr[name].median()) for name in ESTIMATES}
    return Answer({"nominal": added.snr, "definition": added.definition, "measured": measured})
