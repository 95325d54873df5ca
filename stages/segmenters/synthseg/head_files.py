"""Heads that a training has built, as files: one that goes on, and the folds, find them there.

Building a head takes seconds and a training needs two hundred. A file belongs to all that its head
depends on, the code among it; what else lies in the folder is never read and can be removed.
"""

import hashlib
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import stages.anatomy
from stages.segmenters.synthseg.anatomy import Anatomy
from stages.storage.files import atomic_path
from stages.study import layout
from stages.study.axes import three

FOLDER = layout.SEGMENTER / "heads"


@cache
def code_digest() -> str:
    """Return the MD5 of the modules that build heads."""
    files = sorted(Path(str(stages.anatomy.__file__)).parent.rglob("*.py"))
    own = Path(__file__).parent
    files += [own / f"{name}.py" for name in ("anatomies", "anatomy", "labels", "materials")]
    return hashlib.md5(
        b"".join(path.read_bytes() for path in files), usedforsecurity=False
    ).hexdigest()


def kept(key: tuple[object, ...], build: Callable[[], Anatomy]) -> Anatomy:
    """Return the head of a key from its file, or build it and write the file.

    Args:
        key: what the head depends on besides the code; its text is what counts.
        build: makes the head.
    """
    text = "\n".join([code_digest(), *map(str, key)])
    path = FOLDER / f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.npz"
    try:
        with open(path, "rb") as stream, np.load(stream) as arrays:
            return Anatomy(
                arrays["tissues"],
                arrays["distance"],
                three(int(n) for n in arrays["centre"]),
                three(int(n) for n in arrays["size"]),
            )
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):  # none, or a damaged one
        head = build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            tissues=head.tissues,
            distance=head.distance,
            centre=head.centre,
            size=head.size,
        )
    return head
