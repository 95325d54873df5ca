"""Every bad input of the corpus, through what reads it and through the scripts."""

import re
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.external.image_import import read_image
from stages.external.image_listing import items
from stages.external.volume_files import read_volumes
from stages.kspace.formats.catalogue import list_scans, open_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks import file
from stages.kspace.masks.challenge import challenge_mask
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import load_mask
from stages.measures.members import volume_table
from stages.params.ensembles import EnsembleParams
from stages.params.external import ExternalParams
from stages.params.mask import MaskParams
from stages.params.sections import load_all
from stages.recon.learned.exchange import CHECKPOINT
from stages.segmenters.files.label_files import freesurfer_table, label_table, read_label_map
from stages.segmenters.synthseg import keras, model
from stages.storage.files import read_mapping
from stages.storage.nifti import affine, label_map, save_volume
from stages.storage.tensors import load_plain
from stages.study import layout
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.faults import corpus, raw_data
from tests.faults import elsewhere as elsewhere_corpus
from tests.kspace.formats.test_calgary_campinas import WRONG_LISTS
from tests.scans import (
    GRID,
    N_COILS,
    PARTIAL_FOURIER,
    run,
    toy_labels,
    write_toy_params,
    write_toy_study,
)
from tests.segmenters import test_bad_inputs

FORMAT = ScanFormat(N_COILS, PARTIAL_FOURIER)
FASTMRI = ScanFormat(voxel_size_mm=(None, None, None), format="fastmri")
ISMRMRD = ScanFormat(voxel_size_mm=(None, None, None), axis_codes=None, format="ismrmrd")
MEMORY_BYTES = 1 << 28  # that no bad input may take
Read = Callable[[Path], object]


def challenge(path: Path) -> object:
    """Read the challenge's masks of the corpus' matrix; mask 1 is chosen."""
    return challenge_mask(path.parent, 5, corpus.MATRIX, 20, 1)


def own_mask(path: Path) -> object:
    """Read a user's own mask of the corpus' matrix."""
    params = MaskParams.load(ROOT / "params.yaml").model_copy(
        update={"kind": "file", "files": str(path), "acceleration": 1.0}
    )
    return file.mask_of(params, Target(corpus.MATRIX, 20, 0))


def given_map(path: Path) -> object:
    """Read a label map in FreeSurfer's labels."""
    return read_label_map(path, freesurfer_table())


def listed_images(path: Path) -> object:
    """Read a table of images."""
    return items("mine", ExternalParams(table=str(path)))


# kind: (file name, faults, reader)
READERS: dict[str, tuple[str, dict[str, corpus.Fault], Read]] = {
    "scan": ("a.h5", corpus.SCANS, lambda p: list(open_scan(p, FORMAT).batches())),
    "fastMRI": ("a.h5", raw_data.FASTMRI, lambda p: list(open_scan(p, FASTMRI).batches())),
    "ISMRMRD": ("a.h5", raw_data.ISMRMRD, lambda p: list(open_scan(p, ISMRMRD).batches())),
    "volume": ("a.nii.gz", corpus.VOLUMES, lambda p: label_map(p, corpus.SHAPE, np.eye(4))),
    "mask": ("a.npz", corpus.MASKS, load_mask),
    "challenge": ("R5_24x20.npy", corpus.CHALLENGE, challenge),
    "own mask": ("mask.npy", corpus.OWN_MASK, own_mask),
    "weights": ("a.npz", corpus.WEIGHTS, model.load),
    "keras": ("a.h5", corpus.KERAS, lambda p: keras.load(p, "standard")),
    "parcellation": ("a.h5", corpus.KERAS, keras.load_parcellation),
    "checkpoint": ("a.pt", corpus.CHECKPOINTS, lambda p: load_plain(p, CHECKPOINT)),
    "table": ("a.csv", corpus.TABLES, lambda p: volume_table(p, ["sub-1"])),
    "json": ("a.json", corpus.JSON, read_mapping),
    "params": ("params.yaml", corpus.PARAMS, load_all),
    "volumes from elsewhere": ("a.csv", elsewhere_corpus.TABLES_OF_VOLUMES, read_volumes),
    "stats": ("aseg.stats", elsewhere_corpus.STATS, read_volumes),
    "labels from elsewhere": ("a.nii.gz", elsewhere_corpus.LABEL_MAPS, given_map),
    "image from elsewhere": ("a.nii.gz", elsewhere_corpus.IMAGES, read_image),
    "series": ("dicom", elsewhere_corpus.FOLDERS, read_image),
    "list of images": ("a.csv", elsewhere_corpus.LISTINGS, listed_images),
    "table of labels": ("a.tsv", elsewhere_corpus.LABEL_TABLES, label_table),
    "groups from elsewhere": ("params.yaml", elsewhere_corpus.PARAMETERS, EnsembleParams.load),
}
CASES = [(kind, name) for kind, (_, faults, _) in READERS.items() for name in faults]
DIRECTS = {"what": CHECKPOINT.name, "advice": CHECKPOINT.damaged}


def matches(line: str, expected: str, **names: object) -> bool:
    """Return whether a line is the expected one, `…` standing for anything."""
    parts = [re.escape(part) for part in expected.format(**names).split("…")]
    return re.fullmatch(".*".join(parts), line) is not None


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty folder; what the scripts set up for the whole process is undone."""
    monkeypatch.chdir(tmp_path)
    n_threads = torch.get_num_threads()
    yield
    torch.set_num_threads(n_threads)
    torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_every_reader_gives_the_one_line(kind: str, name: str, tmp_path: Path) -> None:
    name_of_file, faults, read = READERS[kind]
    path = tmp_path / name_of_file
    faults[name].make(path)
    tracemalloc.start()
    try:
        with pytest.raises(StudyError) as raised:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()
    line = str(raised.value)
    assert "\n" not in line
    assert matches(line, faults[name].line, path=path, **DIRECTS), line
    assert not Path("it-ran").exists()


@pytest.mark.parametrize("name", corpus.NAMES)
def test_names_of_files_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    files, expected = corpus.NAMES[name]
    with pytest.raises(StudyError) as raised:
        list_scans(tmp_path, FORMAT, files)
    assert str(raised.value) == (expected % files[0]).format(path=tmp_path)


# a byte-order mark, Windows' line ends and the order of bytes are no faults
GOOD = {
    "table": (b"\xef\xbb\xbfsubject,csf\r\nsub-1,1\r\n", "table"),
    "json": (b'\xef\xbb\xbf{\r\n"a": 1}\r\n', "json"),
}


@pytest.mark.parametrize("name", GOOD)
def test_marks_and_line_ends_of_other_systems_are_read(name: str, tmp_path: Path) -> None:
    content, kind = GOOD[name]
    name_of_file, _, read = READERS[kind]
    (tmp_path / name_of_file).write_bytes(content)
    read(tmp_path / name_of_file)


def test_parameters_with_a_mark_and_windows_line_ends(tmp_path: Path) -> None:
    corpus.changed("  n_train: 6", "  n_train: 7")(tmp_path / "params.yaml")
    content = (tmp_path / "params.yaml").read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / "params.yaml").write_bytes(b"\xef\xbb\xbf" + content)
    assert load_all(tmp_path / "params.yaml").phantom.n_train == 7


# the scripts: (script, arguments, file, faults, what must not be there)
SUBJECT = "sub-e2s0P07"
SCRIPTS = {
    "scan": (("reference",), Path("data/validation/e2s0_P0.7.h5"), layout.images("reference", 0)),
    "mask": (
        ("reconstruct", "zero_filled", 0),
        layout.mask(SUBJECT),
        layout.images("zero_filled", 0),
    ),
    "params": (("check",), Path("params.yaml"), Path("work/images")),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_every_script_gives_the_one_line(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_toy_study(tmp_path)
    run("mask")
    command, path, out = SCRIPTS[kind]
    for name, fault in READERS[kind][1].items():
        path.unlink() if path.is_symlink() or not path.is_dir() else path.rmdir()
        fault.make(path)
        before = everything()
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run(*command)
        assert stopped.value.code == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
        assert len(lines) == 1, name
        line = lines[0].removeprefix("error: ")
        assert matches(line, fault.line, path=path), (name, line)
        assert everything() == before
        assert not out.exists()


RAW = {"fastmri": ("fastMRI", "SAR"), "ismrmrd": ("ISMRMRD", None)}


@pytest.mark.parametrize("format_name", RAW)
def test_scans_of_other_formats_give_the_one_line(
    format_name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    kind, codes = RAW[format_name]
    own = {"n_coils": None, "partial_fourier": None, "centred_transform": None}
    own |= {"format": format_name, "axis_codes": codes, "voxel_size_mm": [None, None, None]}
    write_toy_params(tmp_path, **{f"data.{key}": value for key, value in own.items()})
    path = Path("data/validation/a.h5")
    for name, fault in READERS[kind][1].items():
        shutil.rmtree("data", ignore_errors=True)
        path.parent.mkdir(parents=True)
        fault.make(path)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run("reference")
        assert stopped.value.code == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
        assert len(lines) == 1, name
        assert matches(lines[0].removeprefix("error: "), fault.line, path=path), (name, lines)
        assert not layout.images("reference", 0).exists()
        assert not any(Path("work").rglob("*.nii.gz"))


def everything() -> set[Path]:
    """Return all that lies in the study but folders."""
    return {path for path in Path().rglob("*") if path.is_symlink() or not path.is_dir()}


def test_a_segmentation_of_another_scan_stops_the_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_toy_study(tmp_path)
    path = layout.segmentation("reference", 0, SUBJECT)
    save_volume(path, toy_labels().astype(np.int16)[1:], affine(GRID, (2.0, 2.0, 2.0), "SAR"))
    with pytest.raises(SystemExit):
        run("noise", 0)
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{path}: expected shape {GRID} like the reference image, got (5, 24, 20)" in line
    assert not layout.images("noise", 0).exists()


def test_count(capsys: pytest.CaptureFixture) -> None:
    elsewhere = len(test_bad_inputs.IMAGES) + len(test_bad_inputs.WEIGHTS) + len(WRONG_LISTS)
    here = {kind: len(faults) for kind, (_, faults, _) in READERS.items()}
    here["file names"] = len(corpus.NAMES)
    with capsys.disabled():
        listed = ", ".join(f"{kind} {n}" for kind, n in here.items())
        print(f"\nbad inputs: {sum(here.values())} ({listed}) and {elsewhere} elsewhere")
    assert sum(here.values()) >= 60
