"""A study on disk without any network: images, segmentations and volumes of toy heads."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import deformation, image_quality, measure, overlap, truth
from stages.params.section import RECIPES
from stages.storage.nifti import affine, load_volume, save_volume
from stages.study import layout
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_TABLE

ROOT = Path(__file__).parent.parent
SHAPE = (12, 20, 18)
VOXEL_MM3 = 8.0
KEPT_STEP = 90
ARCHITECTURES = ("unet", "varnet", "rim")


@dataclass(frozen=True)
class Study:
    """Sizes of a fabricated study."""

    n_members: int = 3
    n_draws: int = 3
    n_scans: int = 4
    truth: bool = True
    shape: tuple[int, int, int] = SHAPE
    names: tuple[str, ...] = ()

    @property
    def subjects(self) -> list[str]:
        """Names of the scans; two of each subject, unless the study has names of its own."""
        return list(self.names) or [f"sub-e{k // 2}s{k}" for k in range(self.n_scans)]

    def members(self) -> dict[str, int]:
        """Return the number of members of each group."""
        ensembles = dict.fromkeys(ARCHITECTURES, self.n_members) | {"noise": self.n_draws}
        return ensembles | {"reference": 1, "zero_filled": 1}


def toy_labels(generator: np.random.Generator, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Return a label volume in which every SynthSeg label owns a block of its own size."""
    labels = np.zeros(shape, dtype=np.int16)
    columns = labels[1:-1, 1:-1, 1:-1].reshape(shape[0] - 2, -1)
    names = SYNTHSEG_LABELS[1:]
    width = columns.shape[1] // len(names)
    for k, label in enumerate(names):
        size = int(generator.integers(width // 2, width + 1))
        columns[:, k * width : k * width + size] = label
    labels[1:-1, 1:-1, 1:-1] = columns.reshape(labels[1:-1, 1:-1, 1:-1].shape)
    return labels


def perturbed(
    labels: np.ndarray, generator: np.random.Generator, fraction: np.ndarray
) -> np.ndarray:
    """Return labels of which each loses a random part of its voxels, up to `fraction[label]`."""
    lost = generator.random(labels.shape) < (generator.random(64) * fraction)[labels]
    return np.where(lost, 0, labels).astype(labels.dtype)


def volume_row(labels: np.ndarray) -> dict[str, float]:
    """Return the volumes of a label map in SynthSeg's columns, mm3."""
    counts = np.bincount(labels.ravel(), minlength=max(SYNTHSEG_TABLE) + 1) * VOXEL_MM3
    row = {"total intracranial": float(counts[1:].sum())}
    return row | {name: float(counts[label]) for label, name in SYNTHSEG_TABLE.items()}


def write_study(root: Path, study: Study = Study(), seed: int = 0) -> None:
    """Write a fabricated study below `root`, the current directory."""
    generator = np.random.default_rng(seed)
    heads = {name: toy_labels(generator, study.shape) for name in study.subjects}
    for group, n_members in study.members().items():
        for member in range(n_members):
            write_member(root, group, member, heads, generator)
    for group in ARCHITECTURES:
        for member in range(study.n_members):
            write_curves(root / layout.model(group, member) / "curves.csv", generator)
    if study.truth:
        rows = [{"subject": name, **volume_row(labels)} for name, labels in heads.items()]
        write_csv(root / layout.TRUTH / "volumes.csv", rows)
        for name, labels in heads.items():
            matrix = affine(labels.shape, (2.0, 2.0, 2.0), "SAR")
            save_volume(root / layout.true_labels(name), labels, matrix)
    files = [{"file": f"{name.removeprefix('sub-')}.h5"} for name in study.subjects]
    write_csv(root / layout.INSPECTION / "scans.csv", files)
    write_params(root / "params.yaml", study)


def write_member(
    root: Path,
    group: str,
    member: int,
    heads: dict[str, np.ndarray],
    generator: np.random.Generator,
) -> None:
    """Write images, segmentations and the volume table of one member."""
    noisy = {"reference": 0.0, "noise": 0.03, "zero_filled": 0.2}.get(group, 0.1)
    rows = []
    for name, labels in heads.items():
        matrix = affine(labels.shape, (2.0, 2.0, 2.0), "SAR")
        amount = np.linspace(0.5, 1.5, 64) * noisy
        found = perturbed(labels, generator, amount)
        clean = (labels > 0) * (1.0 + (labels % 7) / 7)
        image = np.abs(clean + generator.normal(size=labels.shape) * amount[labels] / 2)
        save_volume(root / layout.image(group, member, name), image.astype(np.float32), matrix)
        save_volume(root / layout.segmentation(group, member, name), found, matrix)
        rows.append({"subject": name, **volume_row(found)})
    write_csv(root / layout.segmentations(group, member) / "volumes.csv", rows)


def write_curves(path: Path, generator: np.random.Generator) -> None:
    """Write training curves of 100 steps, validated every tenth."""
    step = np.arange(1, 101)
    rows = pd.DataFrame({"step": step, "loss": 1 / step + 0.1 * generator.random(100)})
    checked = step % 10 == 0
    rows["learning_rate"] = 1e-3
    rows["validation_psnr"] = np.where(checked, 30 - 10 / step, np.nan)
    rows["validation_ssim"] = np.where(checked, 0.9 - 0.1 / step, np.nan)
    rows["kept"] = np.where(step == KEPT_STEP, 1.0, np.nan)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False)


def move(path: Path) -> None:
    """Give a volume another affine: its first axis runs the other way."""
    data, matrix = load_volume(path)
    save_volume(path, data, matrix @ np.diag([-1.0, 1.0, 1.0, 1.0]))


def write_csv(path: Path, rows: list[dict]) -> None:
    """Write rows as CSV, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def write_params(path: Path, study: Study) -> None:
    """Write the project's parameters with the ensembles of the study."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["ensembles"] = {name: list(range(study.n_members)) for name in ARCHITECTURES}
    params["ensembles"]["noise"] = list(range(study.n_draws))
    params["ensembles"]["baselines"] = ["zero_filled"]
    params["deformation"]["iterations"] = [1, 1]
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    shutil.copy(ROOT / RECIPES, path.parent)


def change_params(folder: Path, section: str, key: str, value: object) -> None:
    """Change one parameter of a study on disk."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params[section][key] = value
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def add_rescans(folder: Path, name: str = "rescans") -> None:
    """Give a study on disk a group of subjects scanned again, with the images of two networks."""
    options = {"of": "unet/0", "method": "rescans", "members": [0, 1]}
    change_params(folder, "draws", name, options)
    for member in (0, 1):
        own = [(layout.volumes(group, member)) for group in ("unet", name)]
        for subject in layout.subjects("unet", member):
            for place in (layout.image, layout.segmentation):
                own += [place(group, member, subject) for group in ("unet", name)]
        for source, target in zip(own[::2], own[1::2], strict=True):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / source, folder / target)


@dataclass(frozen=True)
class PlainQuality:
    """One row of `plain_quality`."""

    range: str
    slices: str
    psnr: float
    ssim: float


def plain_quality(
    reference: np.ndarray, image: np.ndarray, brain_slices: np.ndarray
) -> list[PlainQuality]:
    """Stand in for the networks' room: a quality of each kind from the mean squared error."""
    rows, every = [], np.ones_like(brain_slices)
    for name, chosen in (("brain", brain_slices), ("cropped", every), ("all", every)):
        error = float(np.mean((reference[chosen] - image[chosen]) ** 2))
        scores = (-10 * np.log10(error + 1e-9), 1 / (1 + error))
        ranges = ("challenge",) if name == "cropped" else ("challenge", "fixed")
        rows += [PlainQuality(kind, name, *scores) for kind in ranges]
    return rows


def without_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `image_quality` use `plain_quality`."""
    monkeypatch.setattr(image_quality, "quality", plain_quality)


def measure_study(study: Study) -> None:
    """Measure every group of the study in the current directory, and score its images."""
    truth.main()
    for group in study.members():
        measure.main([group])
        overlap.main([group])
        if group != "reference":
            deformation.main([group])
        if group not in ("noise", "reference"):
            image_quality.main([group])
