"""What makes a folder a BIDS derivative: its description, links to its sources, table of labels.

Source: BIDS 1.10.0, https://bids-specification.readthedocs.io/en/v1.10.0/derivatives/.
"""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from stages.storage.files import atomic_path, write_json
from stages.study.structures import ABBREVIATIONS, MERGED, STRUCTURES

BIDS_VERSION = "1.10.0"
PIPELINE, VERSION = "mri-volume-uncertainty", "0.3.0"  # as in pyproject.toml
MISSING = "n/a"
README = """\
Names of files: `sub-` and the letters and digits of the scan's name; `rec-`, group and seed of the
member that made the image; `desc-`, how k-space was sampled, or `seg-`, whose labels the map has;
`T1w` for images in arbitrary units, `dseg` for label maps. All volumes lie in the space of their
scan (RAS+, mm). `Sources` in the JSON files are BIDS URIs; `DatasetLinks` in
`dataset_description.json` says where their data sets lie, relative to this folder."""
# indices of the standard's own list of image-derived labels
STANDARD_LABELS = {
    "white_matter": 2,
    "cortex": 8,
    "lateral_ventricle": 3,
    "cerebellum_white_matter": 11,
    "cerebellum_cortex": 11,
    "thalamus": 9,
    "caudate": 9,
    "putamen": 9,
    "pallidum": 9,
    "third_ventricle": 3,
    "fourth_ventricle": 3,
    "brainstem": 10,
    "hippocampus": 9,
    "amygdala": 9,
    "csf": 3,
    "accumbens": 9,
    "ventral_dc": 9,
}


def uri(dataset: str, path: str | Path) -> str:
    """Return the BIDS URI of a file in a data set that `dataset_description.json` links.

    Args:
        dataset: its name among the links.
        path: of the file, relative to the data set's root.
    """
    return f"bids:{dataset}:{quote(Path(path).as_posix())}"


def describe_dataset(
    folder: Path,
    *,
    name: str,
    about: str,
    sources: Mapping[str, Path],
    tools: Iterable[str] = (),
    desc: str | None = None,
    ignored: Iterable[str] = (),
) -> None:
    """Write what belongs to the root of a derivative: its description and a README.

    Args:
        folder: the data set's root, as deep in the project as where it will lie in the end.
        name, about: what it holds, and how that was made, a sentence.
        sources: name -> folder of each data set it was computed from; links are relative.
        tools, desc: packages that did the work; label `desc` of the files, explained in a table.
        ignored: patterns of files that BIDS has no names for.
    """
    links = {key: Path(os.path.relpath(path, folder)).as_posix() for key, path in sources.items()}
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {"Name": PIPELINE, "Version": VERSION, "Description": about},
            *({"Name": tool, "Version": version(tool)} for tool in tools),
        ],
        "SourceDatasets": [{"URL": link} for link in links.values()],
        "DatasetLinks": links,
    }
    write_json(folder / "dataset_description.json", description)
    write_lines(folder / "README.md", [f"# {name}", "", about, "", README])
    if desc is not None:
        write_descriptions(folder, {desc: about})
    if ignored:
        write_lines(folder / ".bidsignore", ignored)


def write_descriptions(folder: Path, meanings: Mapping[str, str]) -> None:
    """Write `descriptions.tsv` and its JSON file: label `desc` in names of files -> its meaning."""
    rows = [f"desc-{desc}\t{words}" for desc, words in meanings.items()]
    write_lines(folder / "descriptions.tsv", ["desc_id\tdescription", *rows])
    write_json(
        folder / "descriptions.json", {"Description": "What `desc` means in names of files."}
    )


def write_label_table(folder: Path, names: Mapping[int, str], about: str) -> None:
    """Write `dseg.tsv` and `dseg.json`, which hold for all label maps below a root.

    Columns are index, name, abbreviation and mapping, the index of the label that the standard
    defines for such tissue.

    Args:
        folder: the data set's root.
        names: FreeSurfer id -> name.
        about: how the label maps were made, a sentence.
    """
    rows = [(i, name, abbreviation(i, name), standard_label(i)) for i, name in names.items()]
    lines = ["\t".join(map(str, row)) for row in rows]
    write_lines(folder / "dseg.tsv", ["index\tname\tabbreviation\tmapping", *lines])
    sidecar = {"Description": about, "SpatialReference": "orig", "Manual": False}
    write_json(folder / "dseg.json", sidecar)


def standard_label(label: int) -> int | str:
    """Return the standard's index of a FreeSurfer id, `n/a` for what it has none for."""
    names = [entry.name for entry in STRUCTURES if label in entry.labels]
    return 0 if label == 0 else STANDARD_LABELS.get(names[0], MISSING) if names else MISSING


def abbreviation(label: int, name: str) -> str:
    """Return `L-HIP` for the left hippocampus, `HIP` for both as one, `n/a` for what has none."""
    known = ABBREVIATIONS.get(MERGED.get(label, label))
    side = {"left": "L-", "right": "R-"}.get(name.split()[0], "")
    return MISSING if known is None else side + known


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file as a whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
