"""Names of the files of the derivative, by the rules of BIDS, and of what a label is called there.

`rec` is the group, as maps are of all its members; the entropy has the suffix of what it is
computed from and, unlike a probability, no `label`.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from stages.storage.bids import MISSING, abbreviation
from stages.storage.reading import Kind
from stages.storage.text import read_text
from stages.study import layout
from stages.study.distinct import first_clash
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, Group

LABEL_TABLE = Kind("a table of labels", "run `dvc repro`", "remake it")
ROOT = Path("work/derivatives")
TABLES = "tables"  # folder of the tables, for which BIDS has no names
MEAN, SD, ENTROPY = "mean", "sd", "entropy"
DESCRIPTIONS = {
    MEAN: "Mean over the members of a group, voxel by voxel.",
    SD: "Standard deviation (ddof = 1) over the members of a group, voxel by voxel.",
    ENTROPY: "Entropy, - sum of p ln p over labels, of the members' votes for a voxel's label.",
}
"""Label `desc` -> what it stands for."""


def label_of(text: str) -> str:
    """Return the letters and digits of a name, all that BIDS takes in a label."""
    return re.sub(r"[^A-Za-z0-9]", "", text)


def check_labels_differ(groups: tuple[Group, ...]) -> None:
    """Raise `StudyError` if two groups have the same letters and digits."""
    if clash := first_clash((group.name for group in groups), label_of):
        later, first = clash
        raise StudyError(
            f"params.yaml: expected groups that differ in letters or digits, got '{first}' and"
            f" '{later}'; rename one"
        )


def image_map(folder: Path, group: str, subject: str, desc: str) -> Path:
    """Return the file of mean or SD of the images of a scan."""
    return _anat(folder, group, subject, f"desc-{desc}_T1w")


def entropy_map(folder: Path, group: str, subject: str) -> Path:
    """Return the file of the entropy of the label maps of a scan."""
    return _anat(folder, group, subject, f"seg-freesurfer_desc-{ENTROPY}_probseg")


def probability_map(folder: Path, group: str, subject: str, label: str) -> Path:
    """Return the file of the probability of a label."""
    return _anat(folder, group, subject, f"seg-freesurfer_label-{label}_probseg")


def _anat(folder: Path, group: str, subject: str, rest: str) -> Path:
    return folder / subject / "anat" / f"{subject}_rec-{label_of(group)}_{rest}.nii.gz"


def label_names(path: Path | None = None) -> dict[int, str]:
    """Return label -> name, as the table beside the label maps of the reference has them.

    Args:
        path: of the table; None for the study's own.

    Raises:
        StudyError: if it is missing or damaged.
    """
    path = path or layout.segmentations(FULLY_SAMPLED.name, 0) / "dseg.tsv"
    rows = [line.split("\t") for line in read_text(path, LABEL_TABLE).splitlines()[1:]]
    if not all(len(row) > 1 and row[0].isdecimal() for row in rows):
        raise StudyError(
            f"{path}: expected columns index and name, got others; {LABEL_TABLE.damaged}"
        )
    return {int(row[0]): row[1] for row in rows}


def label_codes(names: Mapping[int, str]) -> dict[int, str]:
    """Return label -> what `label-` says: its abbreviation, its number where that is not its own.

    Args:
        names: FreeSurfer id -> name, with `left` or `right` in front where sides are apart.
    """
    short = {i: abbreviation(i, name) for i, name in names.items()}
    times = Counter(short.values())
    return {
        i: label_of(code) if code != MISSING and times[code] == 1 else str(i)
        for i, code in short.items()
    }
