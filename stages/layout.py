"""Where everything lies: one folder a group, one sub-folder a member.

Members lie below the folder of their group so that a stage that fans in one group depends on that
folder alone: a change of one architecture leaves the measurements of the others valid.
"""

import re
from pathlib import Path

DATA = Path("data")
TRUTH = DATA / "truth"
CODE = Path("work/code")
PHANTOM = Path("work/phantom")
MASKS = Path("work/masks")
INSPECTION = Path("work/inspection")
METRICS = Path("metrics")
PLOTS = Path("plots")
DURATIONS = Path("work/durations")


def model(architecture: str, seed: int) -> Path:
    """Return the folder of a trained member."""
    return Path("work/models", architecture, str(seed))


def checkpoints(architecture: str, seed: int) -> Path:
    """Return the folder of a member's checkpoints while it is trained; no DVC output holds it."""
    return Path("work/checkpoints", architecture, str(seed))


def images(group: str, seed: int) -> Path:
    """Return the folder of a member's images."""
    return Path("work/images", group, str(seed))


def segmentations(group: str, seed: int) -> Path:
    """Return the folder of a member's segmentations and volumes."""
    return Path("work/segmentations", group, str(seed))


def duration(command: str) -> Path:
    """Return the note of how long a command took, e.g. `train unet 3`; no DVC output holds it."""
    return DURATIONS / f"{re.sub(r'[^A-Za-z0-9_]+', '-', command.strip())}.json"


def measures(group: str) -> Path:
    """Return the folder of a group's tidy tables."""
    return Path("work/measures", group)


def quality(group: str) -> Path:
    """Return the folder of a group's image quality."""
    return Path("work/quality", group)


def mask(subject: str) -> Path:
    """Return the mask file of a subject (`sub-<label>`)."""
    return MASKS / f"{subject}_mask.npz"


def image(group: str, seed: int, subject: str) -> Path:
    """Return a member's image of a subject."""
    return images(group, seed) / f"{subject}_T1w.nii.gz"


def segmentation(group: str, seed: int, subject: str) -> Path:
    """Return a member's label map of a subject."""
    return segmentations(group, seed) / f"{subject}_dseg.nii.gz"
