"""Torch's files of plain values: tensors, numbers, texts; code in them is refused, never run."""

import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from stages.storage.archives import check_uncompressed
from stages.storage.reading import Kind
from stages.study.errors import StudyError


def load_plain(path: Path, kind: Kind, device: torch.device | str = "cpu") -> Any:
    """Read what `torch.save` wrote, without running any code in it.

    Args:
        path: the file.
        kind: what it should be.
        device: where its tensors go.

    Raises:
        StudyError: if it is missing or damaged, holds more than plain values, or unpacks to more
            than it is.
    """
    check_uncompressed(path, kind)
    try:
        # what torch's older format declares of itself is allocated where it is read from a file
        source = path if zipfile.is_zipfile(path) else io.BytesIO(path.read_bytes())
        with warnings.catch_warnings(action="ignore"):  # of what it then refuses
            return torch.load(source, map_location=device, weights_only=True)
    except Exception as error:
        raise StudyError(
            f"{path}: expected {kind.name}, got {_fault(error)}; {kind.damaged}"
        ) from None


def _fault(error: Exception) -> str:
    forbidden = re.search(r"GLOBAL (\S+)", str(error))
    if forbidden:
        return f"one that holds code or objects ({forbidden[1]}), which are never loaded"
    # torch goes on with advice to run what is in the file
    words = str(error).rsplit("WeightsUnpickler error: ", 1)[-1].strip()
    kind, first = type(error).__name__, re.split(r"\.\s|\n", words)[0]
    return f"a file that is truncated or something else ({kind}: {first})"
