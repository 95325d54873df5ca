"""The derivative as a whole: its root, the maps scan by scan, the tables."""

from pathlib import Path

from stages.derivatives.described_tables import study_tables, write_described
from stages.derivatives.places import DESCRIPTIONS, TABLES, check_labels_differ, label_names
from stages.derivatives.scan_maps import links, mapped, write_scan
from stages.machine.progress import progress
from stages.measures.members import scans
from stages.params.ensembles import EnsembleParams
from stages.provenance.checks import check_group
from stages.storage.bids import PIPELINE, describe_dataset, write_descriptions, write_lines
from stages.storage.files import read_mapping
from stages.study.errors import StudyError

DESCRIPTION = "dataset_description.json"
NAME = "Uncertainty of the study: maps and tables"
ABOUT = (
    "Mean, SD, vote entropy and label probabilities over the members of each group, and the tables"
    " of the study."
)
README = """\
Names of files: `sub-` and the letters and digits of the scan's name; `rec-`, letters and digits of
the group, over whose members a map is computed; `desc-` as in `descriptions.tsv`; `label-`, the
abbreviation or number of a label. `T1w` are mean and SD of images in arbitrary units, `probseg`
without `label-` the entropy of the members' votes in nats, and with it the fraction of the members
that vote for the label, which is a probability as far as the members are a sample. A scan with one
image of a group has no map of it. All lie in the space of their scan (RAS+, mm). The JSON files
name members, units, sources and their MD5; `DatasetLinks` in `dataset_description.json` says where
the sources lie, relative to this folder. `tables/` holds the study's tables, each with a
description of its columns; n/a is a missing value."""


def check_place(folder: Path, *, replace: bool) -> None:
    """Raise `StudyError` if writing the folder would take away anything but an earlier derivative.

    Args:
        folder: where to write.
        replace: whether an earlier derivative may go.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder.is_dir() and _written_before(folder)):
        raise StudyError(
            f"{folder}: expected a new or empty folder, found something else in its place; give"
            " --out another one"
        )
    if not replace:
        raise StudyError(
            f"{folder}: expected a new or empty folder, found an earlier derivative; give --replace"
            " to write it anew, or --out another folder"
        )


def _written_before(folder: Path) -> bool:
    path = folder / DESCRIPTION
    if not path.is_file():
        return False
    found = read_mapping(path)
    made_by = found.get("GeneratedBy")
    first = made_by[0] if isinstance(made_by, list) and made_by else None
    return found.get("Name") == NAME and isinstance(first, dict) and first.get("Name") == PIPELINE


def write_derivative(folder: Path, ensembles: EnsembleParams) -> None:
    """Write maps and tables of all groups into an existing folder.

    Args:
        folder: as deep in the project as where it will lie in the end.
        ensembles: the groups of the study.

    Raises:
        StudyError: if the study has not been run as far, or its files do not belong together.
    """
    check_labels_differ(ensembles.all)
    tables = list(study_tables(ensembles.all))
    subjects = scans() if ensembles.imaged else []
    pairs = list(mapped(ensembles.all, subjects))
    groups = list(dict.fromkeys(group for group, _ in pairs))
    for group in groups:
        check_group(group, subjects)
    describe_dataset(folder, name=NAME, about=ABOUT, sources=links(groups), ignored=[TABLES])
    write_lines(folder / "README.md", [f"# {NAME}", "", ABOUT, "", README])
    if pairs:
        write_descriptions(folder, DESCRIPTIONS)
        names = label_names()
        for group, subject in progress(pairs, desc="derivatives", unit="scan"):
            write_scan(folder, group, subject, names)
    for path, table in tables:
        write_described(folder / TABLES, path, table)
