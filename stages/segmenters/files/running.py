"""A segmenter that is a command of the user's, called for each image."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import nibabel as nib
import numpy as np

from stages.external.volume_files import label_volumes
from stages.segmenters.files.label_files import (
    FileLabels,
    freesurfer_table,
    label_table,
    read_label_map,
)
from stages.segmenters.image import Image
from stages.segmenters.protocol import Segmentation
from stages.storage.files import md5
from stages.study import sidecars
from stages.study.errors import StudyError

PLACES = ("image", "labels", "volumes")
LAST_WORDS = 200  # characters of a log that a message shows


@dataclass(frozen=True)
class CommandSegmenter:
    """Calls a program and reads what it wrote."""

    template: tuple[str, ...]
    """Words of the command, with `{image}`, `{labels}` and, if wanted, `{volumes}`."""
    program: Path
    digest: str
    """MD5 of the program."""
    table: dict[int, int]
    model: FileLabels = field(default_factory=FileLabels)
    whole: bool = False
    """It is not the study's part to know what the air around a head does."""

    @classmethod
    def of(cls, command: str, labels: str | None) -> Self:
        """Return a command that can be called; `StudyError` if there is no such program."""
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise StudyError(
                f"params.yaml: 'segment.command': expected a command line, got '{command}'"
                f" ({error}); correct it"
            ) from None
        found = shutil.which(words[0]) if words else None
        if found is None:
            raise StudyError(
                f"params.yaml: 'segment.command': expected a program, found no '{words[0]}' on the"
                " PATH; install it, or give its path"
            )
        table = label_table(Path(labels)) if labels else freesurfer_table()
        return cls(words, Path(found), md5(found), table)

    def segment(self, path: Path) -> Segmentation:
        """Call the command for an image and read its label map and, if it makes one, its table.

        Raises:
            StudyError: if it fails, or does not write what it should.
        """
        with TemporaryDirectory() as folder:
            places = {
                "image": str(path),
                "labels": f"{folder}/labels.nii.gz",
                "volumes": f"{folder}/volumes.csv",
            }
            done = subprocess.run(
                [_filled(word, places) for word in self.template],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                stdin=subprocess.DEVNULL,
            )
            log = done.stdout + done.stderr
            if done.returncode:
                raise StudyError(self._failed(path, done.returncode, log))
            result = self._read(path, places)
        details = {sidecars.COMMAND_MD5: self.digest, sidecars.EXIT_CODE: 0}
        return replace(result, details=details, log=log)

    def _read(self, path: Path, places: Mapping[str, str]) -> Segmentation:
        for place in PLACES[1:]:
            wanted = any(f"{{{place}}}" in word for word in self.template)
            if wanted and not Path(places[place]).is_file():
                raise StudyError(
                    f"{path}: expected {self.program.name} to write {{{place}}}, found no file; try"
                    " the command by hand"
                )
        result = read_label_map(Path(places["labels"]), self.table)
        if Path(places["volumes"]).is_file():
            known = label_volumes(Path(places["volumes"]))
            volumes = np.array([known[label] for label in self.model.labels[1:]])
            result = replace(result, volumes_mm3=volumes)
        return result

    def _failed(self, path: Path, code: int, log: str) -> str:
        last = " ".join(log.split())[-LAST_WORDS:] or "nothing"
        return (
            f"{path}: expected {self.program.name} to end with exit code 0, got {code}; it said:"
            f" {last}"
        )

    def segment_image(self, image: Image) -> Segmentation:
        """Segment an image that is in no file yet."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "image.nii.gz")
            nib.save(nib.Nifti1Image(image.data.astype(np.float32), image.affine), path)
            return self.segment(path)

    def quick(self) -> Self:
        """Return the same."""
        return self


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(f"{{{name}}}", path)
    return word
