"""What a question needs of a cohort, and what is told of it where that is not there.

A study of volumes alone has no images, one of images alone no training: a question says what it
needs, and is skipped with a reason where the cohort does not have it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stages.statistics.cohort import Cohort


@dataclass(frozen=True)
class Need:
    """A thing that a cohort may lack."""

    reason: str
    """Why a question that needs it is skipped."""
    met: Callable[[Cohort], bool]


REFERENCE = Need(
    "there are no reference volumes to compare with", lambda cohort: len(cohort.reference) > 0
)
SEVERAL = Need(
    "no group has several members: one image a scan has no variability",
    lambda cohort: bool(cohort.ensembles.ensembles),
)
CROSSED = Need(
    "the members are nested within scans: none is the same in two scans",
    lambda cohort: any(cohort.ensembles.group(name).crossed for name in cohort.ensembles.ensembles),
)
VOXELWISE = Need(
    "there are no images of several members, hence no voxelwise standard deviation",
    lambda cohort: len(cohort.regions) > 0,
)
IMAGES = Need(
    "there are no images, or no reference, to score them by", lambda cohort: len(cohort.quality) > 0
)
LABELS = Need(
    "there are no label maps, or no reference, to compare them with",
    lambda cohort: len(cohort.overlap) > 0,
)
THICKNESS = Need(
    "there are no label maps to measure cortical thickness on",
    lambda cohort: len(cohort.thickness) > 0,
)
REGISTERED = Need(
    "there are no images, or no reference, to register them to",
    lambda cohort: len(cohort.changes) > 0,
)
SEGMENTED_AGAIN = Need(
    "every image was segmented once (segment.perturbations.draws is 0)",
    lambda cohort: cohort.draws is not None and len(cohort.draws) > 0,
)
NOISE = Need("there is no noise ensemble", lambda cohort: len(cohort.snr) > 0)
TRAINED = Need("no network is trained here", lambda cohort: bool(cohort.ensembles.architectures))


def needs[F: Callable[..., object]](*needed: Need) -> Callable[[F], F]:
    """Return a decorator that notes what a question needs; it stays the same function."""

    def noted(ask: F) -> F:
        ask.needs = needed  # type: ignore[attr-defined]  # read by `lacking`
        return ask

    return noted


def lacking(ask: Callable[..., object], cohort: Cohort) -> str:
    """Return why a question cannot be put to a cohort; nothing where it can."""
    missing = [need.reason for need in getattr(ask, "needs", ()) if not need.met(cohort)]
    return "; ".join(missing)
