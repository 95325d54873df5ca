"""Every score of image quality beside PSNR and SSIM: the one list of them.

A new score is a module of its own and an entry in `SCORES`. Scores of slices are computed slice by
slice in the box of the brain and averaged; slices without a value do not count.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.measures.scores.brain_box import Pair
from stages.measures.scores.entropy_focus import entropy_focus
from stages.measures.scores.gmsd import gmsd
from stages.measures.scores.haarpsi import haarpsi
from stages.measures.scores.nmse import nmse
from stages.measures.scores.tissue_contrast import cjv, cnr
from stages.measures.scores.vif import vif

AT_ONCE = 8  # slices: what a score holds of them fits into a cache, whatever the scan's size


@dataclass(frozen=True)
class Score:
    """A score of an image; none has a dimension."""

    title: str
    """As it is printed."""
    higher_is_better: bool
    compute: Callable[[Pair], float]
    """NaN where undefined."""
    referenced: bool = True
    """Whether it compares with the fully sampled image, and not only with its segmentation."""


def _sliced(score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[[Pair], float]:
    """Return a score of slices (n, y, z) of reference and image as the mean over slices."""

    def mean(pair: Pair) -> float:
        firsts = range(0, len(pair.image), AT_ONCE)
        places = [slice(first, first + AT_ONCE) for first in firsts]
        found = [score(pair.box.reference[place], pair.image[place]) for place in places]
        return _mean(np.concatenate(found))

    return mean


def _tissues(score: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[Pair], float]:
    """Return a score of the intensities in white and grey matter."""
    return lambda pair: score(pair.image[pair.box.white], pair.image[pair.box.grey])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


SCORES: dict[str, Score] = {
    "nmse": Score("NMSE", False, lambda pair: nmse(pair.box.reference, pair.image)),
    "haarpsi": Score("HaarPSI", True, _sliced(haarpsi)),
    "vif": Score("VIF", True, _sliced(vif)),
    "gmsd": Score("GMSD", False, _sliced(gmsd)),
    "cnr": Score("CNR", True, _tissues(cnr), referenced=False),
    "cjv": Score("CJV", False, _tissues(cjv), referenced=False),
    "efc": Score("EFC", False, lambda pair: _mean(entropy_focus(pair.image)), referenced=False),
}


def scores(pair: Pair) -> dict[str, float]:
    """Return every score of an image, NaN where it is undefined."""
    return {name: score.compute(pair) for name, score in SCORES.items()}
