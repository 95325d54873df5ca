"""Checks that a trained member is applied to other scans than those it was trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.study.errors import StudyError

SAME_ACCELERATION = 0.1  # relative: masks of one kind differ by less, other accelerations by more


def check_use(
    member: Path,
    configuration: Mapping[str, Any],
    scans: Mapping[Path, str],
    accelerations: Mapping[Path, float],
) -> None:
    """Check that the scans of a member are not its training scans and have the same acceleration.

    Args:
        member: its folder.
        configuration: of the member; an adopted checkpoint does not record its training scans.
        scans: file -> identity of the scan.
        accelerations: mask -> acceleration within the acquired k-space.

    Raises:
        StudyError: if it was trained on one of the scans, or for another acceleration.
    """
    learned = {identity: name for name, identity in configuration.get("scans", {}).items()}
    for path, identity in scans.items():
        if identity in learned:
            raise StudyError(
                f"{path}: expected a scan that {member} was not trained on, got its training scan"
                f" {learned[identity]}; leave it out and train again"
            )
    trained = list(configuration.get("accelerations", {}).values())
    for path, came in accelerations.items() if trained else ():
        expected = sum(trained) / len(trained)
        if abs(came / expected - 1) > SAME_ACCELERATION:
            raise StudyError(
                f"{path}: expected an acceleration of {expected:.3g}, for which {member} was"
                f" trained, got {came:.3g}; run `dvc repro`"
            )
