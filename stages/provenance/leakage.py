"""What a trained member has learned from, held against what it is used for."""

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
    """Check that a member meets new scans, sampled as those that it has learned from.

    Args:
        member: its folder.
        configuration: of the member; an adopted checkpoint does not say what it has learned from.
        scans: file -> identity of the scan.
        accelerations: mask -> acceleration of the acquired part.

    Raises:
        StudyError: if it has learned from one of the scans, or for another acceleration.
    """
    learned = {identity: name for name, identity in configuration.get("scans", {}).items()}
    for path, identity in scans.items():
        if identity in learned:
            raise StudyError(
                f"{path}: expected a scan that {member} has not learned from, got its training scan"
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
