"""The image that a label map is made from, as its sidecar will name it."""

from pathlib import Path
from typing import Any

from stages.provenance.records import read_record
from stages.storage.files import md5
from stages.storage.nifti import NIFTI
from stages.storage.reading import check_regular
from stages.study import sidecars
from stages.study.errors import StudyError


def source_record(image: Path) -> dict[str, Any]:
    """Return the MD5 of an image; raise `StudyError` if it is not the one its sidecar names.

    Raises:
        StudyError: if there is no image, or another one than its own sidecar describes.
    """
    check_regular(image, NIFTI)
    found, recorded = md5(image), read_record(image).get(sidecars.MD5)
    if recorded not in (None, found):
        raise StudyError(
            f"{image}: expected the image that its sidecar describes (MD5 {recorded}), got another"
            f" ({found}): it was replaced; remake it with `dvc repro`"
        )
    return {sidecars.IMAGE: found}
