"""What the command says to input that it cannot use: one line, exit code 1, nothing written."""

import gzip
import shutil
import struct
import sys

import h5py
import nibabel as nib
import numpy as np
import pytest

from stages.commands.synthseg import main
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg.official import add_layer, drop_layer

ROBUST = GOLDEN / "synthseg_robust_2.0.h5"
STANDARD = GOLDEN / "synthseg_2.0.h5"
RNG = np.random.default_rng(0)


def nifti(path, data, matrix=None):
    nib.save(nib.Nifti1Image(data, np.eye(4) if matrix is None else matrix), path)


def cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


def truncated(path):
    nifti(path, RNG.random((20, 20, 20)))
    cut(path, 20_000)


def broken_stream(path):
    nifti(path, RNG.random((20, 20, 20)))
    content = bytearray(path.read_bytes())
    content[3000:3400] = bytes(400)
    path.write_bytes(content)


def header(path, **fields):
    """A NIfTI file whose header says what its data do not."""
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.float32), np.eye(4))
    content = bytearray(image.to_bytes())
    for offset, layout, values in fields.values():
        struct.pack_into(layout, content, offset, *values)
    path.write_bytes(gzip.compress(bytes(content)))


def tilted(degrees):
    """A grid of 2 mm whose slices are not at right angles to their axis."""
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[1, 2] = 2 * np.tan(np.radians(degrees))
    return matrix


IMAGES = {
    "missing": lambda p: None,
    "empty file": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_bytes(b"no image"),
    "folder": lambda p: p.mkdir(),
    "link to itself": lambda p: p.symlink_to(p),
    "truncated": truncated,
    "broken compression": broken_stream,
    "one dimension": lambda p: nifti(p, np.ones(5, np.float32)),
    "two dimensions": lambda p: nifti(p, np.ones((4, 5), np.float32)),
    "single slice": lambda p: nifti(p, np.ones((4, 5, 1), np.float32)),
    "five dimensions": lambda p: nifti(p, np.ones((3, 3, 3, 2, 2), np.float32)),
    "NaN": lambda p: nifti(p, np.full((3, 3, 3), np.nan, np.float32)),
    "infinite": lambda p: nifti(p, np.full((3, 3, 3), np.inf, np.float32)),
    "complex": lambda p: nifti(p, np.full((3, 3, 3), 1j, np.complex64)),
    "colours": lambda p: nifti(p, np.zeros((3, 3, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])),
    "flat affine": lambda p: header(p, sform=(280, "<12f", (1, 0, 0, 0) * 3)),
    "affine with NaN": lambda p: header(p, sform=(280, "<4f", (np.nan, 0, 0, 0))),
    "two voxel sizes": lambda p: header(p, pixdim=(80, "<3f", (3, 1, 1))),
    "voxels of 40 mm": lambda p: nifti(p, np.ones((3, 3, 3), np.float32), np.diag([40, 40, 40, 1])),
    "more voxels than data": lambda p: header(p, dim=(40, "<4h", (3, 300, 300, 300))),
    "more voxels than memory": lambda p: header(p, dim=(40, "<4h", (3, 30_000, 30_000, 30_000))),
    "negative size": lambda p: header(p, dim=(40, "<4h", (3, -4, 4, 5))),
    "unknown number type": lambda p: header(p, datatype=(70, "<h", (77,))),
    "voxel sizes 1 % apart": lambda p: header(p, pixdim=(80, "<3f", (1.01, 1, 1))),
    "tilted gantry": lambda p: nifti(p, RNG.random((9, 9, 9)), tilted(18)),
    "metres": lambda p: nifti(p, RNG.random((9, 9, 9)), np.diag([2e-3, 2e-3, 2e-3, 1])),
    "centimetres of a slab": lambda p: nifti(p, RNG.random((9, 9, 9)), np.diag([0.2, 0.2, 0.2, 1])),
    "head of a metre": lambda p: nifti(p, np.ones((1100, 4, 4), np.int16)),
}  # fmt: skip


def rewritten(path, change, source=STANDARD):
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        change(file)


def replace(file, layer, number, change):
    group = file[layer]
    name = group.attrs["weight_names"][number]
    values = change(np.asarray(group[name]))
    del group[name]
    group[name] = values


def with_objects(path):
    with open(path, "wb") as stream:
        np.savez(stream, header=np.array([{"a": 1}], object))


def without_array(path):
    with np.load(EMBEDDED_FILE) as archive:
        arrays = {key: archive[key] for key in archive.files if key != "unet.up.0.norm.bias"}
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


WEIGHTS = {
    "missing.h5": lambda p: None,
    "missing.npz": lambda p: None,
    "text.h5": lambda p: p.write_text("no weights"),
    "text.npz": lambda p: p.write_text("no weights"),
    "folder.h5": lambda p: p.mkdir(),
    "weights.pt": lambda p: p.write_bytes(b"PK"),
    "truncated.h5": lambda p: (shutil.copy(STANDARD, p), cut(p, 200_000)),
    "truncated.npz": lambda p: (shutil.copy(EMBEDDED_FILE, p), cut(p, 200_000)),
    "other mode.h5": lambda p: shutil.copy(ROBUST, p),
    "no names.h5": lambda p: rewritten(p, lambda f: f.attrs.pop("layer_names")),
    "layer missing.h5": lambda p: rewritten(p, drop_layer),
    "layer unknown.h5": lambda p: rewritten(p, add_layer),
    "kernel narrower.h5": lambda p: rewritten(
        p, lambda f: replace(f, "unet_conv_downarm_1_0", 0, lambda v: v[..., :-1])
    ),
    "kernel flat.h5": lambda p: rewritten(
        p, lambda f: replace(f, "unet_conv_downarm_0_0", 0, lambda v: v[0])
    ),
    "other labels.h5": lambda p: rewritten(
        p,
        lambda f: [
            replace(f, "unet_likelihood", n, lambda v: v[..., :20]) for n in (0, 1)
        ],
    ),
    "NaN.h5": lambda p: rewritten(
        p, lambda f: replace(f, "unet_bn_up_2", 1, lambda v: np.full_like(v, np.nan))
    ),
    "texts.h5": lambda p: rewritten(
        p, lambda f: replace(f, "unet_bn_up_2", 1, lambda v: np.full(len(v), b"a", "S1"))
    ),
    "objects.npz": with_objects,
    "array missing.npz": without_array,
}  # fmt: skip


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run the command and return the lines of its error output."""

    def run(*values):
        monkeypatch.setattr(sys, "argv", ["synthseg", *map(str, values)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == 1
        errors = capsys.readouterr().err.splitlines()
        return [line for line in errors if line.startswith("error:")]

    return run


def test_as_many_kinds_as_promised():
    assert len(IMAGES) >= 28


@pytest.mark.parametrize("fault", IMAGES)
def test_images(fault, tmp_path, command, tiny_weights):
    path = tmp_path / "scan.nii.gz"
    IMAGES[fault](path)
    lines = command(path, "--weights", tiny_weights, "--out", tmp_path / "out")
    assert len(lines) == 1
    assert "scan.nii.gz: expected" in lines[0]
    assert "got" in lines[0] or "found none" in lines[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fault", WEIGHTS)
def test_weights(fault, tmp_path, command):
    path = tmp_path / fault
    WEIGHTS[fault](path)
    nifti(tmp_path / "scan.nii.gz", RNG.random((4, 5, 6)))
    lines = command(tmp_path / "scan.nii.gz", "--weights", path, "--out", tmp_path / "out")
    assert len(lines) == 1 and fault in lines[0]
    assert not (tmp_path / "out").exists()


def test_folder_for_results_is_a_file(tmp_path, command, tiny_weights):
    nifti(tmp_path / "scan.nii.gz", RNG.random((9, 12, 10)), np.diag([2, 2, 2, 1]))
    (tmp_path / "out").write_text("here already")
    lines = command(tmp_path / "scan.nii.gz", "--weights", tiny_weights, "--out", tmp_path / "out")
    assert len(lines) == 1 and "out" in lines[0]
    assert (tmp_path / "out").read_text() == "here already"
