"""Bad files of fastMRI and of ISMRMRD: how each is made and the line that it must give.

Most are sound files of the writers in `tests/kspace/formats` with one thing wrong.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
from ismrmrd.hdf5 import acquisition_header_dtype

from tests.faults.corpus import (
    NOT_H5,
    Fault,
    Make,
    external_link,
    filled,
    half,
    instead,
    kspace,
    virtual,
)
from tests.kspace.formats.writers import Options, acquisition, noise_scan, write_fastmri, write_mrd

N_COILS = 4
SHAPE = (4, N_COILS, 12, 10)  # (slices, coils, y, z)
IMAGES = np.random.default_rng(0).standard_normal(SHAPE) + 2
EXPECTED_H5 = instead("an h5 scan", "copy it again or leave it out", "copy it again") | {
    "empty": Fault(filled(b""), NOT_H5),
    "signature alone": Fault(filled(b"\x89HDF\r\n\x1a\n" + bytes(500)), NOT_H5),
}
FASTMRI_SHAPE = "{path}: expected kspace of shape (slices, coils, readout, phase), got "
NO_HEADER = "{path}: expected a header of ISMRMRD, got %s; copy the file again or convert it anew"
OTHER_FILE = (
    "{path}: expected an h5 scan, got a damaged file ('/kspace' takes its values from another"
    " file); copy it again"
)


def fastmri(change: Callable[[h5py.File], Any], **options: Any) -> Make:
    """Return a maker of a file of fastMRI, changed."""

    def write(path: Path) -> None:
        write_fastmri(path, IMAGES, **options)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def replaced(name: str, value: Any) -> Callable[[h5py.File], None]:
    """Return a change that puts another value into the place of a data set."""

    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def rewritten(old: str, new: str) -> Callable[[h5py.File], None]:
    """Return a change of the header's text, in a file of fastMRI or ISMRMRD."""

    def change(file: h5py.File) -> None:
        place, index = ("ismrmrd_header", ()) if "ismrmrd_header" in file else ("dataset/xml", 0)
        text = file[place][index].decode()
        assert old in text, text
        file[place][index] = text.replace(old, new, 1)

    return change


def renamed(name: str) -> Callable[[h5py.File], None]:
    """Return a change of the header's text that gives all elements of a name another."""

    def change(file: h5py.File) -> None:
        text = file["ismrmrd_header"][()].decode()
        assert name in text, text
        file["ismrmrd_header"][()] = text.replace(name, f"{name}_of_old")

    return change


def sampling_mask(file: h5py.File) -> None:
    file["mask"] = np.arange(10) % 2 == 0


def chunked_terabytes(path: Path) -> None:
    write_fastmri(path, IMAGES)
    with h5py.File(path, "r+") as file:
        del file["kspace"]
        shape = (1 << 20, 16, 1 << 10, 1 << 10)
        file.create_dataset("kspace", shape, np.complex64, chunks=(1, 1, 64, 64))


FASTMRI = EXPECTED_H5 | {
    "truncated": Fault(half(lambda p: write_fastmri(p, IMAGES)), NOT_H5),
    "no kspace": Fault(
        fastmri(lambda f: f.move("kspace", "other")),
        "{path}: expected a dataset 'kspace', found ismrmrd_header, other",
    ),
    "terabytes, none stored": Fault(
        chunked_terabytes,
        "{path}: expected an h5 scan, got a damaged file ('/kspace' of (1048576, 16, 1024, 1024)"
        " declares … bytes, 0 are stored); copy it again",
    ),
    "link into another file": Fault(external_link, "{path}: expected complex64, got float32; …"),
    "virtual": Fault(virtual, "{path}: expected complex64, got float32; convert the scan anew…"),
    "complex link into another file": Fault(
        fastmri(
            lambda f: (
                kspace(Path(f.filename).with_name("other.h5x"), data=f["kspace"][:]),
                f.move("kspace", "gone"),
                f.__setitem__("kspace", h5py.ExternalLink("other.h5x", "kspace")),
            )
        ),
        OTHER_FILE,
    ),
    "single coil": Fault(
        fastmri(replaced("kspace", np.ones((4, 12, 10), np.complex64))),
        "{path}: expected kspace of several coils, (slices, coils, readout, phase), got (4, 12, 10)"
        " of a single coil, which is not supported; take the multicoil files",
    ),
    "two dimensions": Fault(
        fastmri(replaced("kspace", np.ones((12, 10), np.complex64))), FASTMRI_SHAPE + "(12, 10)"
    ),
    "no slice": Fault(
        fastmri(replaced("kspace", np.ones((0, 4, 12, 10), np.complex64))),
        FASTMRI_SHAPE + "(0, 4, 12, 10)",
    ),
    "double precision": Fault(
        fastmri(replaced("kspace", np.ones(SHAPE, np.complex128))),
        "{path}: expected complex64, got complex128; convert the scan anew",
    ),
    "no header": Fault(
        fastmri(lambda f: f.move("ismrmrd_header", "header")),
        "{path}: expected the text 'ismrmrd_header' beside 'kspace', found none; take the files as"
        " fastMRI distributes them",
    ),
    "header of numbers": Fault(
        fastmri(replaced("ismrmrd_header", 7.0)),
        "{path}: expected 'ismrmrd_header' to be a text, got float64",
    ),
    "header no XML": Fault(
        fastmri(replaced("ismrmrd_header", "<ismrmrdHeader>")), NO_HEADER % "no XML (…)"
    ),
    "header of something else": Fault(
        fastmri(replaced("ismrmrd_header", "<html/>")), NO_HEADER % "<html> without an encoding"
    ),
    "a billion laughs": Fault(
        fastmri(
            replaced(
                "ismrmrd_header",
                '<!DOCTYPE a [<!ENTITY x0 "ha">'
                + "".join(f'<!ENTITY x{k} "{f"&x{k - 1};" * 10}">' for k in range(1, 20))
                + "]><a>&x19;</a>",
            )
        ),
        NO_HEADER % "no XML (…)",
    ),
    "no field of view": Fault(
        fastmri(renamed("fieldOfView_mm")),
        NO_HEADER % "none with encodedSpace.fieldOfView_mm.x",
    ),
    "a field of view of 0": Fault(
        fastmri(rewritten("<x>8.399999999999999</x>", "<x>0</x>")),
        NO_HEADER % "0 for encodedSpace.fieldOfView_mm.x",
    ),
    "a field of view in words": Fault(
        fastmri(rewritten("<x>8.399999999999999</x>", "<x>wide</x>")),
        NO_HEADER % "'wide' for encodedSpace.fieldOfView_mm.x",
    ),
    "a matrix of a million": Fault(
        fastmri(rewritten("<x>12</x>", "<x>1000000</x>")),
        NO_HEADER % "1e+06 for encodedSpace.matrixSize.x",
    ),
    "limits that are none": Fault(
        fastmri(rewritten("<maximum>9</maximum>", "<maximum>many</maximum>")),
        NO_HEADER % "[…] for the limits of kspace_encoding_step_1",
    ),
    "limits outside the matrix": Fault(
        fastmri(rewritten("<maximum>9</maximum>", "<maximum>30</maximum>")),
        "{path}: expected lines within the 10 of the matrix, got 0 to 30 around 5 in the header;"
        " convert the scan anew",
    ),
    "undersampled": Fault(
        fastmri(sampling_mask),
        "{path}: expected a fully sampled scan as a reference, got a mask of 5 of 10 lines"
        " (prospectively undersampled, as fastMRI's test set), which is not supported; take the"
        " training or validation set",
    ),
    "accelerated by its header": Fault(
        fastmri(
            rewritten(
                "</encoding>",
                "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2"
                "</kspace_encoding_step_1></accelerationFactor></parallelImaging></encoding>",
            )
        ),
        "{path}: expected a fully sampled scan as a reference, got one that was acquired with"
        " acceleration 2 x 1 (prospectively undersampled), which is not supported; leave the scan"
        " out",
    ),
    "NaN": Fault(
        fastmri(lambda f: f["kspace"].__setitem__((2, 1, 3, 4), np.nan)),
        "{path}: expected finite k-space, got NaN or infinity in slice 2; leave the scan out or"
        " convert it again",
    ),
}  # fmt: skip


def mrd(*, planar: bool = False, **options: Any) -> Make:
    """Return a maker of an MRD file, measured as the options say."""

    def write(path: Path) -> None:
        write_mrd(path, IMAGES, Options(**options), planar=planar)

    return write


def altered(change: Callable[[ismrmrd.Acquisition], Any], *, planar: bool = False) -> Make:
    """Return a maker of an MRD file, each line of the image changed."""
    return mrd(planar=planar, change=lambda line: change(line) and None)


def edited(change: Callable[[h5py.File], Any]) -> Make:
    """Return a maker of an MRD file that is changed in the end."""

    def write(path: Path) -> None:
        mrd()(path)
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def counted(name: str) -> Make:
    """Return a maker of an MRD file with two values of a counter."""
    return altered(lambda line: setattr(line.idx, name, line.idx.kspace_encode_step_1 % 2))


def set_value(name: str) -> Make:
    """Return a maker of an MRD file whose lines differ in an entry of their headers."""
    return altered(lambda line: setattr(line, name, line.idx.kspace_encode_step_1 % 2))


def row(file: h5py.File, index: int, name: str, value: Any) -> None:
    """Change an entry of an acquisition in a file."""
    rows = file["dataset/data"][:]
    rows[name][index] = value
    file["dataset/data"][:] = rows


def without_flag(flag: int) -> Make:
    """Return a maker of an MRD file all of whose lines have a flag."""
    return altered(lambda line: line.set_flag(flag))


def without_data(file: h5py.File) -> None:
    file["dataset"].move("data", "lines")


def two_groups(file: h5py.File) -> None:
    file.move("dataset", "first")
    file.copy("first", "second")


def sheared(line: ismrmrd.Acquisition) -> None:
    line.phase_dir[:] = (0.6, 0.8, 0.0)


def tilted(line: ismrmrd.Acquisition) -> None:
    if line.idx.slice == 2:
        line.read_dir[:], line.phase_dir[:] = (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


def uneven(line: ismrmrd.Acquisition) -> None:
    if line.idx.slice == 2:
        line.position[2] += 0.4


def trajectory(name: str) -> Make:
    """Return a maker of an MRD file with another trajectory."""
    kind = ismrmrd.xsd.trajectoryType(name)
    return mrd(edit=lambda header: setattr(header.encoding[0], "trajectory", kind))


def not_one(n: int, what: str) -> str:
    return (
        f"{{path}}: expected one image of each slice, got {n} {what}, which are not supported;"
        " write a file for each"
    )


UNDERSAMPLED = (
    "{path}: expected a fully sampled scan as a reference, got %s phase-encoding samples, %s"
    " between the outermost missing (prospectively undersampled), which is not supported; leave the"
    " scan out"
)
NO_GROUP = (
    "{path}: expected a group 'dataset' with acquisitions ('data') and a header ('xml'), found %s"
)
NON_CARTESIAN = (
    "{path}: expected a Cartesian scan, got the trajectory %s, which is not supported; leave the"
    " scan out"
)
NOISY = (
    "{path}: expected a noise scan of the 4 coils of the image and at least 16 samples, got coils"
    " %s; leave the scan out"
)
SINGULAR = np.diag([1.0, 1.0, 1.0, 0.0])

ISMRMRD = EXPECTED_H5 | {
    "truncated": Fault(half(mrd()), "{path}: expected an h5 scan, got …; copy it again"),
    "no group": Fault(lambda p: kspace(p, data=np.ones(3)), NO_GROUP % "kspace"),
    "no acquisitions": Fault(edited(without_data), NO_GROUP % "dataset"),
    "no header": Fault(edited(lambda f: f["dataset"].move("xml", "x")), NO_GROUP % "dataset"),
    "two groups": Fault(
        edited(two_groups),
        "{path}: expected one group with acquisitions, got first, second; write a file for each",
    ),
    "header of numbers": Fault(
        edited(replaced("dataset/xml", np.ones(1))),
        "{path}: expected 'xml' to be one text; convert the scan anew",
    ),
    "header no XML": Fault(
        edited(lambda f: f["dataset/xml"].__setitem__(0, "no XML")), NO_HEADER % "no XML (…)"
    ),
    "nothing measured": Fault(
        edited(lambda f: f["dataset/data"].resize((0,))),
        "{path}: expected a list of acquisitions, got none; copy the file again",
    ),
    "a table of something else": Fault(
        edited(replaced("dataset/data", np.zeros(3, [("a", "f4")]))),
        "{path}: expected acquisitions of ISMRMRD, got a table without acquisition_time_stamp, …;"
        " convert the scan anew",
    ),
    "acquisitions without values": Fault(
        edited(replaced("dataset/data", np.zeros(3, [("head", acquisition_header_dtype)]))),
        "{path}: expected acquisitions of ISMRMRD, got a table without data; convert the scan anew",
    ),
    "noise alone": Fault(
        without_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT),
        "{path}: expected lines of an image, got 120 acquisitions of noise, calibration or"
        " navigators alone; leave the scan out",
    ),
    "calibration alone": Fault(
        without_flag(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION),
        "{path}: expected lines of an image, got 120 acquisitions of noise, calibration or"
        " navigators alone; leave the scan out",
    ),
    "radial": Fault(trajectory("radial"), NON_CARTESIAN % "radial (non-Cartesian)"),
    "spiral": Fault(trajectory("spiral"), NON_CARTESIAN % "spiral (non-Cartesian)"),
    "EPI": Fault(trajectory("epi"), NON_CARTESIAN % "epi (EPI)"),
    "read in reverse": Fault(
        without_flag(ismrmrd.ACQ_IS_REVERSE),
        "{path}: expected a cartesian scan, got lines that were read in reverse (EPI), which is not"
        " supported; leave the scan out",
    ),
    "multi-echo": Fault(counted("contrast"), not_one(2, "contrasts (multi-echo)")),
    "a time series": Fault(counted("repetition"), not_one(2, "repetitions (a time series)")),
    "cardiac phases": Fault(counted("phase"), not_one(2, "cardiac phases")),
    "phase contrast": Fault(
        counted("set"), not_one(2, "sets (phase contrast, inversion times)")
    ),
    "several slabs": Fault(
        altered(lambda line: setattr(line.idx, "slice", line.idx.kspace_encode_step_1 % 2)),
        "{path}: expected slices or a second phase encoding, got both (several slabs), which is not"
        " supported; leave the scan out",
    ),
    "two encodings": Fault(
        set_value("encoding_space_ref"),
        "{path}: expected lines that are alike, got 2 encodings (0, 1); leave the scan out",
    ),
    "two centres": Fault(
        set_value("center_sample"),
        "{path}: expected lines that are alike, got 2 centres of lines (0, 1); leave the scan out",
    ),
    "every second line": Fault(
        mrd(keep=lambda y, z: y % 2 == 0), UNDERSAMPLED % ("60 of 120", "50 of the 110")
    ),
    "every second partition": Fault(
        mrd(keep=lambda y, z: z % 2 == 0), UNDERSAMPLED % ("60 of 120", "48 of the 108")
    ),
    "every second line of slices": Fault(
        mrd(planar=True, keep=lambda z, _: z % 2 == 0),
        UNDERSAMPLED % ("5 of 10", "4 of the 9"),
    ),
    "half of k-space": Fault(
        mrd(keep=lambda y, z: y >= 6), UNDERSAMPLED % ("60 of 120", "0 of the 60")
    ),
    "accelerated by its header": Fault(
        mrd(
            edit=lambda header: setattr(
                header.encoding[0],
                "parallelImaging",
                ismrmrd.xsd.parallelImagingType(
                    accelerationFactor=ismrmrd.xsd.accelerationFactorType(
                        kspace_encoding_step_1=2, kspace_encoding_step_2=2
                    )
                ),
            )
        ),
        "{path}: expected a fully sampled scan as a reference, got one that was acquired with"
        " acceleration 2 x 2 (prospectively undersampled), which is not supported; leave the scan"
        " out",
    ),
    "a slice with other lines": Fault(
        altered(
            lambda line: setattr(
                line.idx, "kspace_encode_step_1", max(line.idx.kspace_encode_step_1, line.idx.slice)
            ),
            planar=True,
        ),
        "{path}: expected the same lines of every slice, got others in slice 1 than in slice 0;"
        " copy the file again or leave the scan out",
    ),
    "a line outside the matrix": Fault(
        altered(lambda line: setattr(line.idx, "kspace_encode_step_2", 900)),
        "{path}: expected kspace_encode_step_2 within the encoded matrix of 10 around 5, got 900;"
        " convert the scan anew",
    ),
    "longer lines than the matrix": Fault(
        altered(lambda line: setattr(line, "center_sample", 7)),
        "{path}: expected lines within the 8 readout samples of the encoded matrix, got samples 0"
        " to 8 around 7; convert the scan anew",
    ),
    "half an echo": Fault(
        mrd(first_sample=4),
        "{path}: expected more than half of the 8 readout samples, the centre among them, got 4"
        " from 4 on; leave the scan out",
    ),
    "all samples discarded": Fault(
        altered(lambda line: setattr(line, "discard_pre", 8)),
        "{path}: expected lines within the 8 readout samples of the encoded matrix, got samples 8"
        " to 8 around 4; convert the scan anew",
    ),
    "a shorter line than its header": Fault(
        edited(lambda f: row(f, 3, "data", np.ones(10, np.float32))),
        "{path}: expected 64 numbers in acquisition 3, as its header says, got 10; copy the file"
        " again",
    ),
    "NaN": Fault(
        edited(lambda f: row(f, 3, "data", np.full(64, np.nan, np.float32))),
        "{path}: expected finite k-space, got NaN or infinity in acquisition 3; leave the scan out"
        " or convert it again",
    ),
    "sheared axes": Fault(
        altered(sheared),
        "{path}: expected directions of readout, phase and slice at right angles, got …; convert"
        " the scan anew",
    ),
    "a localiser": Fault(
        altered(tilted, planar=True),
        "{path}: expected parallel slices, got several orientations (a localiser); leave the scan"
        " out",
    ),
    "uneven gaps": Fault(
        altered(uneven, planar=True),
        "{path}: expected slices at equal distances, got 0.60 to 1.40 mm between neighbours; leave"
        " the scan out",
    ),
    "noise of other coils": Fault(
        mrd(more=[noise_scan(3, 64, np.eye(3))]), NOISY % "3 and 64 samples in 1 acquisitions"
    ),
    "little noise": Fault(
        mrd(more=[noise_scan(4, 8, np.eye(4))]), NOISY % "4 and 8 samples in 1 acquisitions"
    ),
    "a dead coil in the noise": Fault(
        mrd(more=[noise_scan(4, 64, SINGULAR)]),
        "{path}: expected a noise scan in which the coils are independent, got a covariance without"
        " an inverse (a dead coil?); leave the scan out",
    ),
    "other coils than a line": Fault(
        mrd(more=[acquisition(np.ones((3, 8)))]),
        "{path}: expected lines that are alike, got 2 numbers of coils (3, 4); leave the scan out",
    ),
}  # fmt: skip
