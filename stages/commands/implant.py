"""Put lesions or atrophy into measured k-space: new scans, and the truth of what changed.

python -m stages implant --kind lesions --out implanted
python -m stages implant data/validation --kind lesions --number 1 --sizes 1mL 2mL 4mL \
    --contrasts 0.6 0.8 --originals --out implanted

Coil images are multiplied by a real contrast field; phase, noise and partial Fourier stay. The new
folder has the layout of data/: validation, with a scan of every size and contrast, and truth.
Sizes and contrasts that are left out, and all else, are those of phantom.pathology.
"""

import argparse
from itertools import product
from pathlib import Path

from tqdm import tqdm

from stages.anatomy.diseases.catalogue import DISEASES
from stages.implantation.dose import Dose, check_dose, parse_contrast, parse_size
from stages.implantation.healthy_scan import (
    HealthyScan,
    find_labels,
    implanted_slices,
    put,
    read_healthy,
)
from stages.implantation.implanted_truth import Row, describe_truth, write_tables, write_truth
from stages.kspace.formats.catalogue import WRITTEN, list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.kspace.partial_fourier import acquired_columns
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.params.phantom import PhantomParams
from stages.scanner.acquisition import write_slices
from stages.storage.files import atomic_directory
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED
from stages.study.pairs import implanted_name

TRUTH = layout.TRUTH.name


def arguments(values: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages implant", description=__doc__.splitlines()[0]
    )
    parser.add_argument("scans", nargs="?", type=Path, help="folder (default: data.validation)")
    parser.add_argument("--kind", choices=tuple(DISEASES), required=True)
    parser.add_argument("--labels", type=Path, help="label maps (default: of the reference)")
    parser.add_argument(
        "--sizes", "--size", nargs="+", default=(), metavar="SIZE", help="2, 2mL or 8mm"
    )
    parser.add_argument(
        "--contrasts", "--contrast", nargs="+", default=(), metavar="RATIO", help="to what it was"
    )
    parser.add_argument("--number", type=int, help="lesions in white matter")
    parser.add_argument("--seed", type=int, default=0, help="of the places (default 0)")
    parser.add_argument("--originals", action="store_true", help="the scans as they are, too")
    parser.add_argument("--out", type=Path, required=True, help="new folder")
    return parser.parse_args(values)


def doses(options: argparse.Namespace) -> list[Dose]:
    """Return every size with every contrast; `StudyError` for what the disease does not have."""
    sizes = [parse_size(text) for text in options.sizes] or [(None, None)]
    contrasts: list[float | None] = [parse_contrast(text) for text in options.contrasts]
    found = [
        Dose(size_ml, diameter_mm, contrast, options.number)
        for (size_ml, diameter_mm), contrast in product(sizes, contrasts or [None])
    ]
    for dose in found:
        check_dose(options.kind, dose)
    return found


def write_scan(folder: Path, healthy: HealthyScan, options: argparse.Namespace) -> list[Row]:
    """Write a scan with every dose, and as it was if asked; return its rows of the tables."""
    scans, truth, rows = folder / layout.VALIDATION, folder / TRUTH, []
    shape, n_coils = healthy.scan.shape, healthy.scan.n_coils
    if options.originals:
        slices = implanted_slices(healthy, None)
        write_slices(scans / f"{healthy.stem}.h5", slices, shape, n_coils)
        rows.append(write_truth(truth, healthy.subject, healthy, None))
    params = PhantomParams.load()
    for number, dose in enumerate(doses(options), 1):
        implant = put(healthy, options.kind, dose, params, options.seed)
        name = implanted_name(healthy.stem, options.kind, number)
        slices = implanted_slices(healthy, implant)
        write_slices(scans / f"{name}.h5", slices, shape, n_coils)
        row = write_truth(truth, subject(name), healthy, implant)
        rows.append(row)
        about = row["about"]
        tqdm.write(  # above the bar
            f"{name}: {options.kind}, {dose.words}: {about['changed_ml']:.2f} mL changed, contrast"  # type: ignore[index]  # a mapping
            f" {about['contrast']:.2f}"  # type: ignore[index]
        )
    return rows


def stated(scan: Scan) -> str:
    """Return section `data` for what was written of a scan, as YAML in a line."""
    fraction = scan.partial_fourier
    if acquired_columns(fraction, scan.n_kz) != scan.n_acquired:
        fraction = round((scan.n_acquired - 0.5) / scan.n_kz, 6)
    sizes = ", ".join(f"{mm:.6g}" for mm in scan.geometry.voxel_size_mm)
    return (
        f"data: {{format: {WRITTEN.name}, acquired: nonzero, centred_transform: false,"
        f" partial_fourier: {fraction:g}, n_coils: {scan.n_coils}, voxel_size_mm: [{sizes}],"
        f" axis_codes: {scan.geometry.axis_codes}}}"
    )


@entry_point
def main(values: list[str] | None = None) -> None:
    """Write the folder as a whole or not at all."""
    options = arguments(values)
    doses(options)
    if options.seed < 0:
        raise StudyError(f"implant: --seed: expected 0 or more, got {options.seed}")
    if options.out.exists():
        raise StudyError(f"{options.out}: expected a new folder, got one that is there; set --out")
    data = DataParams.load()
    source = options.scans or layout.DATA / data.validation
    files = data.validation_files if options.scans is None else None
    labels = options.labels or layout.segmentations(FULLY_SAMPLED.name, 0)
    scans = list_scans(source, scan_format(data), files)
    found = [find_labels(labels, subject(scan.path)) for scan in scans]
    with atomic_directory(options.out) as folder:
        (folder / layout.VALIDATION).mkdir()
        describe_truth(folder / TRUTH, folder / layout.VALIDATION)
        rows = []
        for scan, path in progress(
            list(zip(scans, found, strict=True)), desc="implant", unit="scan"
        ):
            rows += write_scan(folder, read_healthy(scan, path), options)
        write_tables(rows, folder / TRUTH)
    print(f"{options.out}: {len(rows)} scans, to be read with")
    print("\n".join(dict.fromkeys(stated(scan) for scan in scans)))
