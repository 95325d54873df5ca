"""What files of weights say about themselves."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages.storage.files import md5
from stages.study.errors import StudyError


def n_parameters(path: Path) -> int:
    """Return how many values a member's `model.pt` holds.

    Raises:
        StudyError: if the file is missing or damaged.
    """
    try:
        content = torch.load(path, map_location="meta", weights_only=True)
    except FileNotFoundError:
        raise StudyError(f"{path}: expected weights of a member, found none; `dvc repro`") from None
    except Exception as error:  # torch raises whatever the damage leads to
        raise StudyError(f"{path}: expected weights, got a damaged file ({error})") from None
    return _values(content)


def _values(content: Any) -> int:
    if isinstance(content, dict):
        return sum(map(_values, content.values()))
    return content.numel() if isinstance(content, torch.Tensor) else 0


@dataclass(frozen=True)
class SegmenterFile:
    """Header and size of a segmenter's `.npz`, see `stages.segmenters.synthseg.model`."""

    header: dict[str, Any]
    n_parameters: int
    md5: str


def segmenter_file(path: Path) -> SegmenterFile:
    """Read the header of a segmenter; raise `StudyError` if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            size = sum(archive[name].size for name in archive.files if name != "header")
    except FileNotFoundError:
        raise StudyError(f"{path}: expected weights, found none; `git checkout {path}`") from None
    except Exception as error:  # as many kinds as there are ways to damage an archive
        raise StudyError(f"{path}: expected weights, got a damaged file ({error})") from None
    return SegmenterFile(header, int(size), md5(path))
