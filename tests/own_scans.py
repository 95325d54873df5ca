"""What docs/own-scans.md tells to save and to run, and scans to run it on."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.fabricated import ROOT
from tests.kspace.formats.test_same_scan import coil_images
from tests.kspace.formats.writers import Options, write_fastmri, write_mrd

PAGE = ROOT / "docs/own-scans.md"
GRID = (10, 24, 20)


def page() -> str:
    """Return the page's text."""
    return PAGE.read_text(encoding="utf-8")


def overlays() -> dict[str, str]:
    """Return name of a file -> its text, for each that the page tells to save."""
    found = re.findall(r"[Ss]ave .*?`(params\.\w+\.yaml)`.*?```yaml\n(.*?)```", page(), re.DOTALL)
    return dict(found)


def commands() -> list[list[str]]:
    """Return the commands of each block of the page that lays one of its overlays over."""
    blocks = re.findall(r"```console\n(.*?)```", page(), re.DOTALL)
    lines = [[line.removeprefix("$ ") for line in block.splitlines()] for block in blocks]
    return [block for block in lines if any("stages settings" in line for line in block)]


def fastmri_scans(folder: Path) -> None:
    """Write two training scans and a validation scan as fastMRI's files."""
    for k, name in enumerate(("train/a", "train/b", "validation/c")):
        images = coil_images(GRID, seed=k)
        # the second one has another number of coils
        write_fastmri(folder / f"{name}.h5", images[:, : 4 - k % 2], oversampling=2)


def mrd_scans(folder: Path) -> None:
    """Write a training and a validation scan as MRD files."""
    for k, name in enumerate(("train/a", "validation/c")):
        write_mrd(folder / f"{name}.mrd", coil_images(GRID, seed=k), Options(), planar=False)


def magnitude_images(folder: Path, voxel_mm: float = 2.0) -> None:
    """Write three heads of 80 x 100 x 90 voxels, towards left, anterior and superior."""
    folder.mkdir(parents=True)
    axes = np.meshgrid(*(np.linspace(-1.1, 1.1, n) for n in (80, 100, 90)), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    for k in range(3):
        head = np.where(radius < 1, 800 + 100 * np.cos(9 * axes[k]), 5).astype(np.float32)
        image = nib.Nifti1Image(head, np.diag([-voxel_mm, voxel_mm, voxel_mm, 1.0]))
        nib.save(image, folder / f"sub-{k}_T1w.nii.gz")
