"""Stages of groups of images from elsewhere beside those of a study of k-space."""

from pathlib import Path

from stages.audit.asked import audit_of_images
from stages.audit.writing import BESIDE, beside
from stages.params.external import ExternalParams, ExternalSection
from stages.params.section import FILE
from stages.params.segment import SegmentParams
from stages.study.errors import StudyError

CALL = "`python -m stages external`"


def graph_beside() -> str | None:
    """Return the text of external/dvc.yaml of the study here; None if it has no such groups.

    Raises:
        StudyError: if a group is one of volumes alone, or its images are not all there.
    """
    groups = ExternalSection.load().groups
    if not groups:
        return None
    for name, params in groups.items():
        _check_group(name, params)
    audit_of_images(groups, command="")  # every image is there; the segmenter is the study's
    return beside(Path(), groups, SegmentParams.load())


def _check_group(name: str, params: ExternalParams) -> None:
    if not params.imaged:
        raise StudyError(
            f"{FILE}: 'external.{name}': expected images (table, folder or bids), as the others are"
            " compared by images, got volumes; `python -m stages init-audit` studies volumes"
        )


def check_beside() -> None:
    """Raise `StudyError` unless external/dvc.yaml has the stages that the parameters ask for."""
    expected = graph_beside()
    there = BESIDE.read_text(encoding="utf-8") if BESIDE.is_file() else None
    if there != expected:
        fault = "none" if there is None else "those of other groups, images or weights"
        wanted = "no stages" if expected is None else "the stages of section 'external'"
        raise StudyError(f"{BESIDE}: expected {wanted}, got {fault}; run {CALL}")
