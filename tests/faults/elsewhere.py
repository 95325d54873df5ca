"""Bad inputs from elsewhere: volumes, label maps, images and tables of other programs."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.faults.corpus import Fault, filled, half, instead

SHAPE = (6, 7, 8)
VOLUMES = (
    "a table of volumes (SynthSeg's CSV, `asegstats2table`, `.stats`, or tidy)",
    "check the path",
    "export it again",
)
MAP = ("a label map (NIfTI or MGZ)", "check the path", "export it again")
IMAGE = ("a NIfTI or MGZ image", "check the path", "export it again")
LISTING = ("a CSV table", "run `dvc repro`", "remake it")
LABELS = ("a table of labels (TSV: index, name)", "check segment.labels", "correct it")
KNOWN = "expected names of SynthSeg, FreeSurfer or FastSurfer, got"
HEADS = "# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n"


def text(content: str) -> Callable[[Path], object]:
    """Return a maker of a file with this text."""
    return filled(content.encode())


def damaged(what: tuple[str, str, str], why: str = "…") -> str:
    """Return the line of a damaged file."""
    return f"{{path}}: expected {what[0]}, got a damaged file ({why}); {what[2]}"


def volume(data: np.ndarray, matrix: np.ndarray | None = None) -> Callable[[Path], object]:
    """Return a maker of a NIfTI file."""
    where = np.eye(4) if matrix is None else matrix
    return lambda path: nib.save(nib.Nifti1Image(data, where), path)


def not_csv(of: tuple[str, str, str]) -> dict[str, Fault]:
    """Return what may stand in the place of any table of volumes."""
    return instead(*of) | {
        "empty": Fault(filled(b""), damaged(of, "empty")),
        "not UTF-8": Fault(filled(b"subject,csf\n\xff,1\n"), damaged(of)),
    }


TABLES_OF_VOLUMES = not_csv(VOLUMES) | {
    "header alone": Fault(text("subject,csf\n"), damaged(VOLUMES, "no rows")),
    "no subject": Fault(text("a,csf\nb,1\n"), "{path}: expected column 'subject', got …"),
    "column twice": Fault(text("subject,csf,CSF\na,1,1\n"), damaged(VOLUMES, "column …")),
    "longer row": Fault(text("subject,csf\na,1,1\n"), damaged(VOLUMES, "rows of other …")),
    "unknown column": Fault(text("subject,hipocampus\na,1\n"), f"{{path}}: {KNOWN} 'hipoc…"),
    "one side": Fault(
        text("subject,left thalamus\na,7000\n"),
        "{path}: thalamus: expected all of its parts, got left thalamus without right thalamus:…",
    ),
    "no horn": Fault(
        text("subject,lateral ventricle\na,9000\n"), "{path}: lateral_ventricle: expected all of …"
    ),
    "side and whole": Fault(
        text("subject,left thalamus,right thalamus,Left-Thalamus-Proper\na,7e3,7e3,7e3\n"),
        "{path}: expected each structure once, got …",
    ),
    "no structure": Fault(
        text("subject,vessel\na,7000\n"), "{path}: expected volumes of structures of the study, …"
    ),
    "millilitres": Fault(
        text("subject,thalamus\na,14.5\n"), "{path}: expected volumes in mm3, got 0.001 times …"
    ),
    "nanolitres": Fault(
        text("subject,thalamus\na,1e8\n"), "{path}: expected volumes in mm3, got 6.9e+03 times …"
    ),
    "text for a number": Fault(
        text("subject,thalamus\na,large\n"),
        "{path}: expected the volume of thalamus in mm3, got 'large'; …",
    ),
    "negative": Fault(text("subject,thalamus\na,-1\n"), "{path}: expected the volume of … '-1'; …"),
    "not finite": Fault(text("subject,thalamus\na,nan\n"), "{path}: expected the volume of …"),
    "image twice": Fault(
        text("subject,thalamus\na,14000\na,14000\n"),
        "{path}: expected one row for each image, got subject a twice; …",
    ),
    "subject empty": Fault(
        text("subject,thalamus\n,14000\n"), "{path}: expected a subject in every row, …"
    ),
    "another measure": Fault(
        text("Measure:thickness\tthalamus\na\t2\n"), "{path}: expected volumes, got 'Measure:…"
    ),
    "tidy without unit": Fault(
        text("subject,structure,volume\na,thalamus,1\n"), "{path}: expected column 'volume_mm3', …"
    ),
    "tidy with more": Fault(
        text("subject,structure,volume_mm3,age\na,thalamus,14000,70\n"),
        "{path}: expected columns …, got 'age' too; take it out",
    ),
    "tidy twice": Fault(
        text("subject,structure,volume_mm3\na,thalamus,14000\na,thalamus,1\n"),
        "{path}: expected each structure once, …",
    ),
}
STATS = {
    "no heads": Fault(text("# Title\n"), damaged(VOLUMES, "no line '# ColHeaders'")),
    "other heads": Fault(text("# ColHeaders Index\n"), damaged(VOLUMES, "expected columns …")),
    "another unit": Fault(
        text(f"# TableCol 4 Units ml\n{HEADS}"), "{path}: expected volumes in mm^3, got ml; …"
    ),
    "short row": Fault(text(f"{HEADS}1 10\n"), damaged(VOLUMES, "a row of 2 cells under 5 heads")),
    "unknown structure": Fault(text(f"{HEADS}1 10 9 9 Thalmus\n"), f"{{path}}: {KNOWN} 'Thalmus'…"),
    "one side": Fault(
        text(f"{HEADS}1 10 9 7000 Left-Thalamus\n"), "{path}: thalamus: expected all of its parts…"
    ),
    "nothing measured": Fault(
        text(HEADS), "{path}: expected volumes of structures of the study, …"
    ),
}
VOXELS = np.zeros(SHAPE, np.int16)
VOXELS[0, 0, :4] = (10, 49, 17, 53)
ONE_SIDED = np.where(VOXELS == 53, 0, VOXELS)
LABEL_MAPS = instead(*MAP) | {
    "empty": Fault(filled(b""), damaged(MAP)),
    "truncated": Fault(half(volume(VOXELS)), damaged(MAP)),
    "text": Fault(text("labels\n"), damaged(MAP)),
    "interpolated": Fault(
        volume(VOXELS.astype(np.float32) + 0.5), "{path}: expected labels (whole numbers from 0 …"
    ),
    "negative": Fault(volume(-VOXELS), "{path}: expected labels (whole numbers from 0 …"),
    "four dimensions": Fault(
        volume(np.stack([VOXELS, VOXELS], axis=-1)), "{path}: expected three dimensions, got …"
    ),
    "complex": Fault(volume(VOXELS.astype(np.complex64)), "{path}: expected real intensities, …"),
    "nothing labelled": Fault(
        volume(VOXELS * 0), "{path}: expected labels of FreeSurfer's colour …"
    ),
    "another atlas": Fault(
        volume(np.where(VOXELS > 0, 700, 0).astype(np.int16)),
        "{path}: expected labels of FreeSurfer's colour …",
    ),
    "one side": Fault(
        volume(ONE_SIDED), "{path}: hippocampus: expected both sides, got the left without …"
    ),
    "in metres": Fault(
        volume(VOXELS, np.diag([1e-3] * 3 + [1])), "{path}: expected a head in mm: …"
    ),
}
IMAGES = instead(*IMAGE) | {
    "empty": Fault(filled(b""), damaged(IMAGE)),
    "truncated": Fault(half(volume(VOXELS)), damaged(IMAGE)),
    "text": Fault(text("image\n"), damaged(IMAGE)),
    "black": Fault(
        volume(np.zeros(SHAPE, np.float32)), "{path}: expected a head, got no positive intensity; …"
    ),
    "NaN": Fault(
        volume(np.full(SHAPE, np.nan, np.float32)), "{path}: expected finite intensities, …"
    ),
    "two dimensions": Fault(
        volume(np.ones((4, 4), np.float32)), "{path}: expected three dimensions, got …"
    ),
    "complex": Fault(volume(np.ones(SHAPE, np.complex64)), "{path}: expected real intensities, …"),
}
del IMAGES["folder"]  # holds a DICOM series, or is a fault of its own
FOLDERS = {
    "no series": Fault(
        lambda p: p.mkdir(), "{path}: expected the files of one DICOM series, got 0 series; …"
    ),
    "other files": Fault(
        lambda p: (p.mkdir(), (p / "a.dcm").write_text("none")),
        "{path}: expected the files of one DICOM series, got 0 series; …",
    ),
}
LISTINGS = instead(*LISTING) | {
    "empty": Fault(filled(b""), damaged(LISTING)),
    "no image column": Fault(
        text("subject,file\na,a.nii\n"), "{path}: expected column 'image', got …"
    ),
    "another column": Fault(
        text("subject,image,age\na,a.nii,7\n"), "{path}: expected columns …, got 'age' too; …"
    ),
    "header alone": Fault(text("subject,image\n"), "{path}: expected at least one row, …"),
    "empty cell": Fault(text("subject,image\na,\n"), "{path}: expected text in column 'image', …"),
    "no such image": Fault(text("subject,image\na,no.nii\n"), "…no.nii: expected an image, …"),
    "column twice": Fault(text("subject,image,image\na,b,c\n"), damaged(LISTING, "column …")),
}
LABEL_TABLES = instead(*LABELS) | {
    "empty": Fault(filled(b""), damaged(LABELS, "expected columns index and name")),
    "commas": Fault(text("index,name\n1,csf\n"), damaged(LABELS, "expected columns …")),
    "no number": Fault(text("index\tname\na\tcsf\n"), damaged(LABELS, "index 'a' is no …")),
    "index twice": Fault(text("index\tname\n1\tcsf\n1\tcsf\n"), damaged(LABELS, "index '1' …")),
    "unknown name": Fault(
        text("index\tname\n1\tthalmus\n"), "{path}: expected names of SynthSeg or FreeSurfer, …"
    ),
    "both sides": Fault(
        text("index\tname\n1\tthalamus\n"), "{path}: expected a label for each side, …"
    ),
}
PARAMETERS = {
    "two sources": Fault(
        text("external: {m: {table: a, bids: b}}\n"), "{path}: 'external.m': expected one of …"
    ),
    "no source": Fault(text("external: {m: {}}\n"), "{path}: 'external.m': expected one of …"),
    "folder alone": Fault(
        text("external: {m: {folder: a}}\n"), "{path}: 'external.m': expected 'folder' and …"
    ),
    "unknown samples": Fault(
        text("external: {m: {table: a, samples: x}}\n"), "{path}: 'external.m.samples': …"
    ),
    "unknown key": Fault(
        text("external: {m: {tabel: a}}\n"), "{path}: unknown key 'external.m.tabel'; …'table'?"
    ),
    "no mapping": Fault(text("external: [a]\n"), "{path}: …"),
    "a path as name": Fault(
        text("external: {../m: {table: a}}\n"), "{path}: 'external': expected names of letters, …"
    ),
}
