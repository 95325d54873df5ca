"""Bad inputs: how each is made, what reads it, and the line that it must give.

In an expected line, `{path}` is the file and `…` stands for a library's own words.
"""

import gzip
import os
import pickle
import shutil
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import nibabel as nib
import numpy as np
import torch

Make = Callable[[Path], Any]

TERABYTES = (1 << 20, 1 << 10, 1 << 10)
MATRIX = (24, 20)
SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype=np.int16).reshape(SHAPE)


class Code:
    """Pickled, it writes a file when it is read by anything that runs what it reads."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("it-ran"),))


@dataclass(frozen=True)
class Fault:
    """A kind of bad input."""

    make: Make
    line: str


def instead(what: str, missing: str, damaged: str) -> dict[str, Fault]:
    """Return what may stand in the place of any file."""
    other = f"{{path}}: expected {what}, got a folder; {damaged}"
    none = f"{{path}}: expected {what}, got a link to nothing; {missing}"
    pipe = f"{{path}}: expected {what}, got a pipe or device; {damaged}"
    return {
        "folder": Fault(lambda p: p.mkdir(), other),
        "link to itself": Fault(lambda p: p.symlink_to(p), none),
        "dangling link": Fault(lambda p: p.symlink_to("nowhere"), none),
        "pipe": Fault(os.mkfifo, pipe),
    }


def filled(content: bytes) -> Make:
    """Return a maker of a file with this content."""
    return lambda path: path.write_bytes(content)


def half(make: Make) -> Make:
    """Return a maker of the first half of a file."""

    def write(path: Path) -> None:
        make(path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])

    return write


def sparse(path: Path, size: int = 1 << 27) -> None:
    """Write a file that is all hole."""
    with open(path, "wb") as stream:
        stream.truncate(size)


# scans


def kspace(path: Path, **options: Any) -> None:
    """Write a data set `kspace` with h5py's own options."""
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", **options)


def external_link(path: Path) -> None:
    kspace(path.with_name("other.h5x"), data=np.ones((6, *MATRIX, 8), np.float32))
    with h5py.File(path, "w") as file:
        file["kspace"] = h5py.ExternalLink("other.h5x", "kspace")


def virtual(path: Path) -> None:
    layout = h5py.VirtualLayout((6, *MATRIX, 8), np.float32)
    layout[:] = h5py.VirtualSource("nowhere.h5", "kspace", (6, *MATRIX, 8))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("kspace", layout)


def raw_outside(path: Path) -> None:
    raw = path.with_name("raw.bin")
    sparse(raw, 6 * 24 * 20 * 8 * 4)
    kspace(path, shape=(6, *MATRIX, 8), dtype="f4", external=[(raw, 0, raw.stat().st_size)])


def broken_chunk(path: Path) -> None:
    values = np.random.default_rng(0).random((6, *MATRIX, 8), np.float32)
    kspace(path, data=values, chunks=(6, *MATRIX, 8), compression="gzip")
    with h5py.File(path) as file:
        chunk = file["kspace"].id.get_chunk_info(0)
    with open(path, "r+b") as stream:
        stream.seek(chunk.byte_offset + 1000)
        stream.write(bytes(4000))


def of_group(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("kspace")


def soft_link(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["kspace"] = h5py.SoftLink("/nowhere")


ELSEWHERE = (
    "{path}: expected an h5 scan, got a damaged file ('/kspace' takes its values from another"
    " file); copy it again"
)
NOT_H5 = "{path}: expected an h5 scan, got a file that is truncated or not h5 (…); copy it again"
INTERLEAVED = "{path}: expected float32 with real and imaginary parts interleaved, got "

SCANS = instead("an h5 scan", "copy it again or leave it out", "copy it again") | {
    "empty": Fault(filled(b""), NOT_H5),
    "signature alone": Fault(filled(b"\x89HDF\r\n\x1a\n" + bytes(500)), NOT_H5),
    "terabytes, none stored": Fault(
        lambda p: kspace(p, shape=(*TERABYTES, 8), dtype="f4", chunks=(1, 64, 64, 8)),
        "{path}: expected an h5 scan, got a damaged file ('/kspace' of (1048576, 1024, 1024, 8)"
        " declares 35184372088832 bytes, 0 are stored); copy it again",
    ),
    "zeros packed a thousandfold": Fault(
        lambda p: kspace(p, data=np.zeros((16, 256, 256, 8), np.float32), compression="gzip"),
        "{path}: expected an h5 scan, got a damaged file ('/kspace' of (16, 256, 256, 8) declares"
        " 33554432 bytes, … are stored); copy it again",
    ),
    "link into another file": Fault(external_link, ELSEWHERE),
    "virtual": Fault(virtual, ELSEWHERE),
    "raw file outside": Fault(raw_outside, ELSEWHERE),
    "group": Fault(of_group, "{path}: expected a dataset 'kspace', found kspace"),
    "link to nothing inside": Fault(soft_link, "{path}: expected a dataset 'kspace', found kspace"),
    "no values at all": Fault(
        lambda p: kspace(p, data=h5py.Empty("f4")),
        "{path}: expected an h5 scan, got a damaged file (…); copy it again",
    ),
    "one number": Fault(
        lambda p: kspace(p, data=np.float32(1)),
        "{path}: expected kspace of shape (slices, ky, kz, 2 x coils), got ()",
    ),
    "texts": Fault(
        lambda p: kspace(p, data=np.full((6, 2, 2, 8), "a", h5py.string_dtype())),
        INTERLEAVED + "object",
    ),
    "pairs": Fault(
        lambda p: kspace(p, data=np.zeros((6, 2, 2, 8), [("x", "f4"), ("y", "f4")])),
        INTERLEAVED + "[('x', '<f4'), ('y', '<f4')]",
    ),
    "chunk that does not unpack": Fault(
        broken_chunk, "{path}: slices 0 to 5 cannot be read (…); copy the file again"
    ),
}

# label maps and images


def nifti(data: np.ndarray, matrix: np.ndarray | None = None) -> Make:
    """Return a maker of a NIfTI file."""
    image = nib.Nifti1Image(data, np.eye(4) if matrix is None else matrix)
    return lambda path: nib.save(image, path)


def header(offset: int, layout: str, *values: float) -> Make:
    """Return a maker of a NIfTI file with a header field of choice."""

    def write(path: Path) -> None:
        content = bytearray(nib.Nifti1Image(VOXELS, np.eye(4)).to_bytes())
        struct.pack_into(layout, content, offset, *values)
        path.write_bytes(gzip.compress(bytes(content)))

    return write


NO_NIFTI = "{path}: expected a NIfTI volume, got a damaged file (…); remake it"
LABELS_ONLY = (
    "{path}: expected labels (whole numbers from 0 on), got other values; remake it with"
    " `dvc repro`"
)
FLIPPED = np.diag([-1.0, 1, 1, 1])

VOLUMES = instead("a NIfTI volume", "run `dvc repro`", "remake it") | {
    "empty": Fault(filled(b""), NO_NIFTI),
    "text": Fault(filled(b"no image"), NO_NIFTI),
    "packed text": Fault(filled(gzip.compress(b"no image")), NO_NIFTI),
    "not packed": Fault(filled(nib.Nifti1Image(VOXELS, np.eye(4)).to_bytes()), NO_NIFTI),
    "truncated": Fault(half(nifti(np.random.default_rng(0).random((20, 20, 20)))), NO_NIFTI),
    "more voxels than data": Fault(header(40, "<4h", 3, 300, 300, 300), NO_NIFTI),
    "terabytes": Fault(
        header(40, "<4h", 3, 30_000, 30_000, 30_000),
        "{path}: expected at most 536870912 voxels, got shape (30000, 30000, 30000); crop the image"
        " or correct its header",
    ),
    "negative size": Fault(header(40, "<4h", 3, -4, 4, 5), "{path}: expected …"),
    "unknown number type": Fault(header(70, "<h", 77), NO_NIFTI),
    "two dimensions": Fault(
        nifti(VOXELS[0]), "{path}: expected three dimensions, got shape (4, 5)"
    ),
    "no voxel": Fault(
        header(40, "<4h", 3, 0, 4, 5), "{path}: expected three dimensions, got shape (0, 4, 5)"
    ),
    "complex": Fault(
        nifti(VOXELS.astype(np.complex64)), "{path}: expected real intensities, got complex64"
    ),
    "colours": Fault(
        nifti(np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])),
        "{path}: expected real intensities, got [('R', 'u1'), ('G', 'u1'), ('B', 'u1')]",
    ),
    "affine with NaN": Fault(
        header(280, "<4f", np.nan, 0, 0, 0), "{path}: expected an invertible affine, got …"
    ),
    "flat affine": Fault(
        header(280, "<12f", *(1, 0, 0, 0) * 3), "{path}: expected an invertible affine, got …"
    ),
    "NaN": Fault(
        nifti(np.full(SHAPE, np.nan, np.float32)),
        "{path}: expected finite values, got NaN or infinity; remake it",
    ),
    "other shape": Fault(
        nifti(VOXELS[:2]),
        "{path}: expected shape (3, 4, 5) like the reference image, got (2, 4, 5); remake it with"
        " `dvc repro`",
    ),
    "mirrored": Fault(
        nifti(VOXELS, FLIPPED),
        "{path}: expected the affine of the reference image, RAS …, got LAS …; remake it with"
        " `dvc repro`",
    ),
    "interpolated labels": Fault(nifti(VOXELS + np.float32(0.5)), LABELS_ONLY),
    "negative labels": Fault(nifti(VOXELS - np.int16(1)), LABELS_ONLY),
}

# numpy's archives


def archive(**arrays: Any) -> Make:
    """Return a maker of an npz file."""

    def write(path: Path) -> None:
        with open(path, "wb") as stream:
            np.savez(stream, **arrays)

    return write


def members(*pairs: tuple[str, bytes]) -> Make:
    """Return a maker of a packed zip file with these members."""

    def write(path: Path) -> None:
        with (
            warnings.catch_warnings(action="ignore"),  # of a name that stands there twice
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for name, content in pairs:
                packed.writestr(name, content)

    return write


def array_header(shape: tuple[int, ...], descr: str = "|b1") -> bytes:
    """Return the header of numpy's format for an array without its values."""
    text = str({"descr": descr, "fortran_order": False, "shape": shape})
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def mask_arrays(**changes: Any) -> dict[str, Any]:
    """Return what a mask file holds, every second position sampled."""
    mask = np.indices(MATRIX).sum(axis=0) % 2 == 0
    whole = {"mask": mask, "calibration": mask & (np.arange(20) == 10)}
    return whole | {"acceleration_acquired": 1.7, "acceleration_full": 2.0} | changes


def no_mask(why: str) -> str:
    return f"{{path}}: expected the scan's mask, got a damaged file ({why}); run `dvc repro mask`"


MASKS = instead("the scan's mask", "run `dvc repro`", "run `dvc repro mask`") | {
    "empty": Fault(filled(b""), no_mask("File is not a zip file")),
    "truncated": Fault(half(archive(**mask_arrays())), no_mask("File is not a zip file")),
    "member outside": Fault(
        members(("../mask.npy", b"")),
        no_mask("expected each member once and below the archive, got '../mask.npy'"),
    ),
    "absolute member": Fault(
        members(("/mask.npy", b"")),
        no_mask("expected each member once and below the archive, got '/mask.npy'"),
    ),
    "member twice": Fault(
        members(("mask.npy", b""), ("mask.npy", b"")),
        no_mask("expected each member once and below the archive, got 'mask.npy'"),
    ),
    "no array": Fault(
        members(("readme.txt", b"hello")), no_mask("member 'readme.txt' is no array")
    ),
    "zeros packed a thousandfold": Fault(
        members(("mask.npy", array_header((1 << 27,)) + bytes(1 << 27))),
        no_mask("unpacks to 134217856 bytes, more than 67108864"),
    ),
    "terabytes": Fault(
        members(("mask.npy", array_header(TERABYTES))),
        no_mask(
            "array 'mask.npy' of (1048576, 1024, 1024) needs 1099511627904 bytes, the file has 128"
        ),
    ),
    "negative size": Fault(
        members(("mask.npy", array_header((-4, 4)))),
        no_mask("array 'mask.npy' has the shape (-4, 4)"),
    ),
    "unknown version": Fault(
        members(("mask.npy", b"\x93NUMPY\x09\x00")),
        no_mask("array 'mask.npy' is of the unknown version (9, 0)"),
    ),
    "objects": Fault(
        archive(**mask_arrays(mask=np.array([[Code()]], object))),
        no_mask("array 'mask.npy' holds objects, which are never loaded"),
    ),
    "array missing": Fault(
        archive(mask=np.ones(MATRIX, bool)), no_mask("KeyError: 'calibration'")
    ),
    "numbers": Fault(
        archive(**mask_arrays(mask=np.ones(MATRIX))),
        no_mask(
            "ValueError: expected masks and calibration of one matrix, bool, got float64 (24, 20)"
        ),
    ),
    "two matrices": Fault(
        archive(**mask_arrays(calibration=np.ones((4, 4), bool))),
        no_mask("ValueError: expected masks and calibration of one matrix, bool, got bool (4, 4)"),
    ),
    "nothing calibrated": Fault(
        archive(**mask_arrays(calibration=np.zeros(MATRIX, bool))),
        no_mask("ValueError: the calibration region must not be empty nor leave the mask"),
    ),
    "another acceleration": Fault(
        archive(**mask_arrays(acceleration_full=5.0)),
        no_mask("240 of 480 k-space samples are kept, which is no acceleration of 5"),
    ),
    "acceleration NaN": Fault(
        archive(**mask_arrays(acceleration_acquired=np.nan)),
        no_mask("an acceleration of nan within the acquired k-space"),
    ),
    "acceleration in words": Fault(
        archive(**mask_arrays(acceleration_full="five")),
        no_mask("ValueError: could not convert string to float: 'five'"),
    ),
}  # fmt: skip


def no_challenge(why: str) -> str:
    return (
        f"{{path}}: expected masks in numpy's format, got a damaged file ({why});"
        " download the challenge's file again"
    )


def array(values: np.ndarray) -> Make:
    """Return a maker of an npy file."""

    def write(path: Path) -> None:
        with open(path, "wb") as stream:
            np.save(stream, values)

    return write


CHALLENGE = instead(
    "masks in numpy's format", "correct mask.files", "download the challenge's file again"
) | {
    "empty": Fault(filled(b""), no_challenge("…")),
    "truncated": Fault(half(array(np.ones((3, *MATRIX)))), no_challenge("…")),
    "archive": Fault(archive(mask=np.ones((3, *MATRIX))), no_challenge("…")),
    "pickle": Fault(filled(pickle.dumps(Code())), no_challenge("…")),
    "objects": Fault(array(np.array([[[Code()]]], object)), no_challenge("…")),
    "terabytes": Fault(filled(array_header(TERABYTES)), no_challenge("…")),
    "texts": Fault(
        array(np.full((3, *MATRIX), "a")),
        "{path}: expected masks of shape (n, 24, 20), got (3, 24, 20) of <U1; download the"
        " challenge's file again",
    ),
    "NaN": Fault(
        array(np.full((3, *MATRIX), np.nan)),
        "{path}: expected masks of 0 and 1, got other values in mask 1; download the challenge's"
        " file again",
    ),
}


def no_own_mask(why: str) -> str:
    return (
        f"{{path}}: expected a mask in numpy's format (.npy), got a damaged file ({why});"
        " write it again"
    )


OWN_MASK = instead("a mask in numpy's format (.npy)", "correct mask.files", "write it again") | {
    "folder": Fault(
        Path.mkdir,
        "{path}: expected the mask of a scan, a .npy file of the scan's name, found none among 0"
        " .npy files; add it",
    ),
    "empty": Fault(filled(b""), no_own_mask("…")),
    "truncated": Fault(half(array(np.ones(MATRIX))), no_own_mask("…")),
    "archive": Fault(archive(mask=np.ones(MATRIX)), no_own_mask("…")),
    "pickle": Fault(filled(pickle.dumps(Code())), no_own_mask("…")),
    "objects": Fault(array(np.array([[Code()]], object)), no_own_mask("…")),
    "terabytes": Fault(filled(array_header(TERABYTES)), no_own_mask("…")),
    "texts": Fault(
        array(np.full(MATRIX, "a")),
        "{path}: expected a mask of 24 x 20, the matrix, got (24, 20) of <U1; scans that differ in"
        " their matrix need a folder with a mask each",
    ),
    "NaN": Fault(
        array(np.full(MATRIX, np.nan)),
        "{path}: expected masks of 0 and 1, got other values; write it again",
    ),
    "nothing sampled": Fault(
        array(np.zeros(MATRIX)),
        "{path}: expected at least 9 samples in a fully sampled disk or rectangle around zero"
        " frequency (12, 10), got 0; sample the centre",
    ),
}

# tables


def table(text: str) -> Make:
    """Return a maker of a text file."""
    return filled(text.encode())


def no_table(why: str) -> str:
    return f"{{path}}: expected a CSV table, got a damaged file ({why}); remake it"


NO_VOLUME = (
    "{path}: expected volumes in mm3, got an empty cell, text or a negative number; remake it"
)
TABLES = instead("a CSV table", "run `dvc repro`", "remake it") | {
    "empty": Fault(filled(b""), no_table("No columns to parse from file")),
    "not UTF-8": Fault(filled(b"subject,csf\nsub-\xff,1\n"), no_table("…")),
    "zeros": Fault(filled(bytes(100)), "{path}: expected …"),
    "column twice": Fault(
        table("subject,csf,csf\nsub-1,1,2\n"), no_table("column 'csf' stands there twice")
    ),
    "longer rows": Fault(
        table("subject,csf\nsub-1,1,2\nsub-2,1,2\n"),
        no_table("rows of more cells than the 2 of the header"),
    ),
    "one longer row": Fault(table("subject,csf\nsub-1,1\nsub-2,1,2\n"), no_table("…")),
    "open quote": Fault(table('subject,csf\n"sub-1,1\n'), no_table("…")),
    "semicolons": Fault(
        table("subject;csf\nsub-1;1\n"),
        "{path}: expected column 'subject', got ['subject;csf']; remake it",
    ),
    "scan missing": Fault(
        table("subject,csf\nsub-2,1\n"), "{path}: expected one row for sub-1, got 0; remake it"
    ),
    "scan twice": Fault(
        table("subject,csf\nsub-1,1\nsub-1,1\n"),
        "{path}: expected one row for sub-1, got 2; remake it",
    ),
    "text for a number": Fault(table("subject,csf\nsub-1,large\n"), NO_VOLUME),
    "negative volume": Fault(table("subject,csf\nsub-1,-1\n"), NO_VOLUME),
    "infinite volume": Fault(table("subject,csf\nsub-1,1e999\n"), NO_VOLUME),
    "cell missing": Fault(table("subject,csf\nsub-1,\n"), NO_VOLUME),
}

# JSON


def no_json(why: str) -> str:
    return f"{{path}}: expected a JSON file, got a damaged file ({why}); remake it"


JSON = instead("a JSON file", "run `dvc repro`", "remake it") | {
    "empty": Fault(filled(b""), no_json("Expecting value: line 1 column 1 (char 0)")),
    "truncated": Fault(table('{"a": [1,'), no_json("Expecting value: line 1 column 10 (char 9)")),
    "not UTF-8": Fault(filled(b'{"a": "\xff"}'), no_json("…")),
    "key twice": Fault(table('{"a": 1, "a": 2}'), no_json("key 'a' stands there twice")),
    "NaN": Fault(table('{"a": NaN}'), no_json("expected finite numbers, got NaN")),
    "infinity": Fault(table('{"a": -Infinity}'), no_json("expected finite numbers, got -Infinity")),
    "too large a number": Fault(
        table('{"a": 1e999}'), no_json("expected finite numbers, got 1e999")
    ),
    "number of 5000 digits": Fault(table("9" * 5000), no_json("…")),
    "a million brackets": Fault(table("[" * 1_000_000), no_json("…")),
    "128 MiB": Fault(sparse, no_json("134217728 bytes, more than 67108864")),
    "list": Fault(table("[1]"), "{path}: expected a JSON object, got list; remake it"),
}

# params.yaml


def no_params(why: str) -> str:
    return f"{{path}}: expected the parameters as YAML, got a damaged file ({why}); correct it"


def changed(old: str, new: str) -> Make:
    """Return a maker of the project's parameters with one text in place of another."""

    def write(path: Path) -> None:
        project = Path(__file__).parents[2]
        shutil.copy(project / "params.segmenters.yaml", path.parent)
        text = (project / "params.yaml").read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new), encoding="utf-8")

    return write


LAUGHS = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 30)
)
RESTORE = "`git checkout -- {path}` restores it"
PARAMS = instead("the parameters as YAML", RESTORE, "correct it") | {
    "empty": Fault(filled(b""), "{path}: expected sections …, got None"),
    "list": Fault(table("- 1\n- 2"), "{path}: expected sections …, got [1, 2]"),
    "open bracket": Fault(table("mask: [1,"), no_params("…")),
    "tabulator": Fault(table("mask:\n\tseed: 0"), no_params("…")),
    "two documents": Fault(table("a: 1\n---\nb: 2\n"), no_params("…")),
    "not UTF-8": Fault(filled(b"mask: \xff"), no_params("…")),
    "code": Fault(table("mask: !!python/object/apply:os.getcwd []"), no_params("…")),
    "no such day": Fault(table("mask: 2001-99-99"), no_params("month must be in 1..12…")),
    "section twice": Fault(
        table("mask: {}\nmask: {}\n"), no_params("key 'mask' stands twice, in line 2")
    ),
    "key twice": Fault(
        changed("  seed: 0\n  files:", "  seed: 0\n  seed: 1\n  files:"),
        no_params("key 'seed' stands twice, in line …"),
    ),
    "a billion laughs": Fault(
        table(LAUGHS), no_params("aliases unfold into more than 100000 values")
    ),
    "holds itself": Fault(table("mask: &a [*a]"), no_params("an alias in line 1 holds itself")),
    "ten thousand brackets": Fault(
        table("mask: " + "[" * 10_000), no_params("more than 100 brackets in one another")
    ),
    "128 MiB": Fault(sparse, no_params("134217728 bytes, more than 67108864")),
    "unknown key": Fault(
        changed("  files: null", "  files: null\n  aceleration: 5.0"),
        "{path}: unknown key 'mask.aceleration'; allowed here: …; did you mean 'acceleration'?",
    ),
    "infinite number": Fault(
        changed("  snr: 30.0", "  snr: .inf"),
        "{path}: 'noise.snr': input should be a finite number, got inf",
    ),
    "NaN": Fault(
        changed("  outlier_threshold: 4.0", "  outlier_threshold: .nan"),
        "{path}: 'analyse.outlier_threshold': input should be a finite number, got nan",
    ),
    "text for a number": Fault(
        changed("  n_train: 6", "  n_train: six"),
        "{path}: 'phantom.n_train': input should be a valid integer, got 'six'",
    ),
    "folder above": Fault(
        changed("  train: train", "  train: ../elsewhere"),
        "{path}: 'data.train': expected a folder below data/, got '../elsewhere'",
    ),
    "folder of the root": Fault(
        changed("  validation: validation", "  validation: /etc"),
        "{path}: 'data.validation': expected a folder below data/, got '/etc'",
    ),
    "seed twice": Fault(
        changed("  rim: [0, 1, 2, 3]", "  rim: [0, 1, 1, 3]"),
        "{path}: 'ensembles.rim': seeds must differ and not be negative, got [0, 1, 1, 3]",
    ),
    "unknown group": Fault(
        changed("  rim: [0, 1, 2, 3]", "  ../rim: [0, 1, 2, 3]"),
        "{path}: unknown key 'ensembles.../rim'; allowed here: …",
    ),
}  # fmt: skip

# lists of file names

LISTED = "{path}: '%s' in its list of files: expected "
NAMES = {
    "folder above": (("../x.h5",), LISTED + "a name without a folder; leave the folder out"),
    "path of the root": (("/x.h5",), LISTED + "a name without a folder; leave the folder out"),
    "zero byte": (
        ("x\0.h5",),
        LISTED + "such a scan, found none; correct the list or add the scan",
    ),
    "no scan": (
        ("x.h5",),
        LISTED + "such a scan, found none; correct the list or add the scan",
    ),
    "no h5": (("passwd",), LISTED + "a name that ends in .h5 or .hdf5; correct it"),
}

# weights of the segmenter


def h5_weights(change: Callable[[h5py.File], Any]) -> Make:
    """Return a maker of a Keras file of one layer, changed."""

    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"unet_conv"]
            layer = file.create_group("unet_conv")
            layer.attrs["weight_names"] = [b"kernel"]
            change(layer)

    return write


def no_keras(why: str) -> str:
    return (
        "{path}: expected a Keras weight file, SynthSeg's official one, got a damaged file"
        f" ({why}); download it again"
    )


def link_outside(layer: h5py.Group) -> None:
    other = Path(layer.file.filename).with_name("other.h5x")
    kspace(other, data=np.ones(3, np.float32))
    layer["kernel"] = h5py.ExternalLink("other.h5x", "kspace")


KERAS = instead(
    "a Keras weight file, SynthSeg's official one",
    "check the path: docs/segmentation.md says where it comes from",
    "download it again",
) | {
    "empty": Fault(filled(b""), no_keras("…")),
    "link into another file": Fault(
        h5_weights(link_outside), no_keras("'/kspace' takes its values from another file")
    ),
    "terabytes": Fault(
        h5_weights(
            lambda g: g.create_dataset("kernel", TERABYTES, "f4", chunks=(64, 64, 64))
        ),
        no_keras(
            "'/unet_conv/kernel' of (1048576, 1024, 1024) declares 4398046511104 bytes, 0 are"
            " stored"
        ),
    ),
    "whole numbers": Fault(
        h5_weights(lambda g: g.create_dataset("kernel", data=np.ones(3, int))),
        no_keras("'/unet_conv/kernel' holds int64, no real numbers"),
    ),
    "texts": Fault(
        h5_weights(lambda g: g.create_dataset("kernel", data=["a"])),
        no_keras("'/unet_conv/kernel' holds object, no real numbers"),
    ),
    "group": Fault(h5_weights(lambda g: g.create_group("kernel")), no_keras("…")),
    "nothing": Fault(h5_weights(lambda g: None), no_keras("…")),
}  # fmt: skip


def native(text: str) -> Make:
    """Return a maker of the study's own weight file with a header of choice."""
    return archive(header=np.frombuffer(text.encode(), np.uint8))


def no_weights(why: str) -> str:
    return (
        f"{{path}}: expected weights written by the study, got a damaged file ({why});"
        " restore it with `git checkout` or `dvc repro`"
    )


FORMAT = '{"format": "synthseg-networks-1"'
WEIGHTS = instead(
    "weights written by the study",
    "correct the path",
    "restore it with `git checkout` or `dvc repro`",
) | {
    "empty": Fault(filled(b""), no_weights("File is not a zip file")),
    "pickle": Fault(filled(pickle.dumps(Code())), no_weights("File is not a zip file")),
    "objects": Fault(
        archive(header=np.array([Code()], object)),
        no_weights("array 'header.npy' holds objects, which are never loaded"),
    ),
    "terabytes": Fault(
        members(("header.npy", array_header(TERABYTES, "<f4"))),
        no_weights("array 'header.npy' of (1048576, 1024, 1024) needs … bytes, the file has 128"),
    ),
    "no header": Fault(archive(a=np.ones(3)), no_weights("'header'")),
    "header no JSON": Fault(native("{"), no_weights("…")),
    "header a list": Fault(native("[]"), no_weights("…")),
    "key twice": Fault(
        native(FORMAT + ', "format": 1}'), no_weights("key 'format' stands there twice")
    ),
    "other format": Fault(
        native('{"format": "2"}'), "{path}: expected format synthseg-networks-1, got 2"
    ),
    "no networks": Fault(native(FORMAT + ', "networks": {}}'), no_weights("…")),
    "negative width": Fault(
        native(
            FORMAT + ', "networks": {"unet": {"n_inputs": 1, "n_outputs": 2, "features": [-2, 3],'
            ' "kernel": 3, "skips": [true]}}}'
        ),
        no_weights("…"),
    ),
}

# torch's files


def saved(content: Any, **options: Any) -> Make:
    """Return a maker of a file of `torch.save`."""

    def write(path: Path) -> None:
        torch.save(content, path, **options)

    return write


def packed_checkpoint(path: Path) -> None:
    torch.save({"model": torch.zeros(1 << 20)}, path)
    with zipfile.ZipFile(path) as archive:
        content = [(name, archive.read(name)) for name in archive.namelist()]
    members(*content)(path)


def no_checkpoint(why: str) -> str:
    return f"{{path}}: expected {{what}}, got {why}; {{advice}}"


REFUSED = no_checkpoint("one that holds code or objects (…), which are never loaded")
SOMETHING_ELSE = no_checkpoint("a file that is truncated or something else (…)")
CHECKPOINTS = {
    "empty": Fault(filled(b""), SOMETHING_ELSE),
    "text": Fault(filled(b"no weights"), SOMETHING_ELSE),
    "truncated": Fault(half(saved({"model": {}})), SOMETHING_ELSE),
    "code": Fault(saved({"model": Code()}), REFUSED),
    "code in the older format": Fault(
        saved({"model": Code()}, _use_new_zipfile_serialization=False), REFUSED
    ),
    "bare pickle": Fault(filled(pickle.dumps(Code(), protocol=2)), REFUSED),
    "whole network": Fault(saved(torch.nn.Linear(2, 2)), REFUSED),
    "zeros packed a thousandfold": Fault(
        packed_checkpoint, no_checkpoint("a damaged file (unpacks to … bytes from …)")
    ),
}
