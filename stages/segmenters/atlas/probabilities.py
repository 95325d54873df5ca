"""The atlas and its file: tissue probabilities on a grid, and how they are fitted to an image."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from stages.params.atlas import MixtureParams, RegistrationParams
from stages.params.section import parse
from stages.storage.files import atomic_path
from stages.study.errors import StudyError
from stages.study.structures import SYNTHSEG_LABELS

FORMAT = "probabilistic-atlas-2"
FULL = 255  # stored value of probability 1
KEYS = {"header", "probabilities"}


@dataclass(frozen=True)
class Atlas:
    """Tissue probabilities, axes right, anterior, superior.

    probabilities: (tissues, x, y, z) float32, sum 1; tissue 0 is air.
    signals: (tissues,) T1-weighted signals of the image that the affine registration compares with.
    classes: of every tissue the number of its Gaussian in the mixture.
    channels: of every tissue its place in `labels`; 0 for what lies outside the brain.
    labels: FreeSurfer ids, background first. names: of every label but the background.
    """

    probabilities: np.ndarray
    voxel_size_mm: float
    signals: tuple[float, ...]
    classes: tuple[int, ...]
    channels: tuple[int, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    registration: RegistrationParams
    mixture: MixtureParams


def quantised(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as uint8, `FULL` for 1."""
    return np.round(probabilities * FULL).astype(np.uint8)


def save(path: Path, atlas: Atlas) -> None:
    """Write an atlas as one `.npz`, no pickles."""
    header = {
        "format": FORMAT,
        "voxel_size_mm": atlas.voxel_size_mm,
        "signals": atlas.signals,
        "classes": atlas.classes,
        "channels": atlas.channels,
        "labels": atlas.labels,
        "names": atlas.names,
        "registration": atlas.registration.model_dump(mode="json"),
        "mixture": atlas.mixture.model_dump(mode="json"),
    }
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(
            stream,
            header=np.frombuffer(json.dumps(header).encode(), np.uint8),
            probabilities=quantised(atlas.probabilities),
        )


def load(path: Path) -> Atlas:
    """Read a file written by `save`; raise `StudyError` if it is missing, damaged or no atlas."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != FORMAT:
            raise StudyError(
                f"{path}: expected an atlas ({FORMAT}), got {header['format']}; set segment.weights"
                " to weights/atlas.npz, or segment.method to synthseg"
            )
        check(path, header, arrays)
        return Atlas(  # type: ignore[call-arg]  # five fields
            normalised(arrays["probabilities"]),
            float(header["voxel_size_mm"]),
            *(tuple(header[key]) for key in ("signals", "classes", "channels", "labels", "names")),  # type: ignore[arg-type]  # five fields
            parse(RegistrationParams, "registration", header["registration"], path),
            parse(MixtureParams, "mixture", header["mixture"], path),
        )
    except FileNotFoundError:
        raise StudyError(f"{path}: expected an atlas, found none; run `dvc repro`") from None
    except (
        zipfile.BadZipFile,
        EOFError,
        OSError,
        KeyError,
        ValueError,
        TypeError,
        ValidationError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StudyError(
            f"{path}: expected an atlas written by the study, got a damaged file ({reason});"
            " restore it with `git checkout` or `dvc repro`"
        ) from None


def check(path: Path, header: dict, arrays: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]  # JSON
    """Raise `StudyError` if the parts of a file do not fit together."""
    stored = arrays.get("probabilities", np.empty(0))
    n = len(header["signals"])
    faults = {
        f"arrays {sorted(KEYS)}, got {sorted(arrays)}": set(arrays) != KEYS,
        f"uint8 (tissues, x, y, z), got {stored.dtype} {stored.shape}": (
            stored.dtype != np.uint8 or stored.ndim != 4 or min(stored.shape) < 2
        ),
        f"{n} tissues, got {stored.shape[0]} and {len(header['channels'])} channels": (
            n != stored.shape[0] or n != len(header["channels"])
        ),
        f"{n} classes from 0 on, got {len(header['classes'])}": (
            n != len(header["classes"])
            or sorted(set(header["classes"])) != list(range(len(set(header["classes"]))))
        ),
        "a positive voxel size": not 0 < header["voxel_size_mm"] < np.inf,
        "finite signals": not np.all(np.isfinite(header["signals"])),
        "known labels, background first": (
            header["labels"][0] != 0 or not set(header["labels"]) <= set(SYNTHSEG_LABELS)
        ),
        "a name for each label": len(header["names"]) != len(header["labels"]) - 1,
        "a tissue for each label": set(header["channels"]) != set(range(len(header["labels"]))),
    }
    for expected, wrong in faults.items():
        if wrong:
            raise StudyError(f"{path}: expected {expected}; restore it with `git checkout`")


def normalised(stored: np.ndarray) -> np.ndarray:
    """uint8 (tissues, ...) -> float32 that sums to 1; a voxel without any tissue is air."""
    total = stored.sum(0, dtype=np.float32)
    result = stored.astype(np.float32)
    result[0] += np.where(total == 0, 1, 0)
    return result / np.where(total == 0, 1, total)
