"""Write one sampling mask to a file, and print its accelerations and its radial profile.

python -m stages draw-mask --kind uniform_poisson --shape 218 170 --out mask.npy
python -m stages draw-mask --kind challenge --files masks --shape 218 170 --seed 3 --out mask.npy

The file is bool (n_ky, n_kz) in numpy's format, the full matrix. Acceleration, partial Fourier and
seed are those of params.yaml unless they are given; options of the kind are always its own.
"""

import argparse
from pathlib import Path
from typing import Any, get_args

import numpy as np

from stages.kspace.masks.catalogue import KINDS
from stages.kspace.masks.profile import radial_profile
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.partial_fourier import acquired_columns
from stages.machine.entry import entry_point
from stages.params.data import DataParams
from stages.params.mask import READ, KindName, MaskParams
from stages.params.section import parse
from stages.storage.files import atomic_path
from stages.storage.nifti import subject
from stages.study.errors import StudyError

SUFFIX = ".npy"
COMMAND = Path("draw-mask")  # in place of the parameter file in messages


def asked(options: argparse.Namespace, params: MaskParams) -> MaskParams:
    """Return the parameters with what the command line says; `StudyError` as for params.yaml."""
    files = options.files
    if files is None and options.kind in READ and options.kind == params.kind:
        files = params.files
    content: dict[str, Any] = params.model_dump() | {"kind": options.kind, "files": files}
    for name in ("acceleration", "seed"):
        if getattr(options, name) is not None:
            content[name] = getattr(options, name)
    return parse(MaskParams, MaskParams.section, content, COMMAND)


def target_of(options: argparse.Namespace, seed: int) -> Target:
    """Return what the mask is for; `StudyError` if there is no such matrix or fraction."""
    fraction = options.partial_fourier
    if fraction is None:
        fraction = DataParams.load().partial_fourier
    if fraction is None:
        raise StudyError(
            f"{COMMAND}: expected --partial-fourier, the fraction of the kz columns that is"
            " acquired, as data.partial_fourier is null, got none; state it"
        )
    if not 0.5 < fraction <= 1:
        raise StudyError(
            f"{COMMAND}: --partial-fourier: expected above 0.5 up to 1, the fraction of the kz"
            f" columns that is acquired, got {fraction:g}"
        )
    n_ky, n_kz = options.shape
    if min(n_ky, n_kz) < 1:
        raise StudyError(f"{COMMAND}: --shape: expected two positive numbers, got {n_ky} {n_kz}")
    scan = None if options.scan is None else subject(options.scan.removeprefix("sub-"))
    return Target((n_ky, n_kz), acquired_columns(fraction, n_kz), seed, scan)


def described(drawn: SamplingMask, n_acquired: int) -> list[str]:
    """Return the lines that are printed: numbers of samples, accelerations, radial profile."""
    n_ky, n_kz = drawn.mask.shape
    profile = radial_profile(drawn.mask, n_acquired)
    rings = zip(profile.edges[:-1], profile.edges[1:], profile.sampled, strict=True)
    return [
        f"{n_ky} x {n_kz}, {n_acquired} kz columns acquired: {drawn.mask.sum()} k-space samples,"
        f" {drawn.calibration.sum()} of them in the calibration region",
        f"acceleration: {drawn.acceleration_acquired:.3f} of the acquired k-space,"
        f" {drawn.acceleration_full:.3f} of the full matrix",
        "distance from zero frequency (samples), fraction of the acquired k-space sampled:",
        *(f"{low:6d} - {high:3d}  {sampled:.3f}" for low, high, sampled in rings),
    ]


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Draw or read the mask, write it and print what it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=get_args(KindName), required=True)
    parser.add_argument("--shape", type=int, nargs=2, metavar=("NY", "NZ"), required=True)
    parser.add_argument("--acceleration", type=float)
    parser.add_argument("--partial-fourier", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--files", help="folder or file of masks, for the kinds that read them")
    parser.add_argument("--scan", help="name of the scan, for a folder with a mask a scan")
    parser.add_argument("--out", type=Path, required=True, help="new file, .npy")
    options = parser.parse_args(arguments)
    if options.out.suffix != SUFFIX:
        raise StudyError(
            f"{options.out}: expected a name that ends in {SUFFIX}; give --out another"
        )
    params = asked(options, MaskParams.load())
    target = target_of(options, params.seed)
    drawn = KINDS[params.kind].mask(params, target)
    with atomic_path(options.out) as temporary, open(temporary, "wb") as stream:
        np.save(stream, drawn.mask)
    print("\n".join([f"{options.out}: {params.kind}", *described(drawn, target.n_acquired)]))
