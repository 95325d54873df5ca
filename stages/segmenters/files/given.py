"""The label maps that came with the images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from stages.provenance.records import read_record
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

ADVICE = "give them in the column 'labels' of the table of images, or choose another segment.method"


@dataclass(frozen=True)
class GivenMaps:
    """Finds the label map of each image by the image's sidecar."""

    table: dict[int, int]
    model: FileLabels = field(default_factory=FileLabels)
    whole: bool = False
    """It is not the study's part to know what the air around a head does."""

    @classmethod
    def of(cls, labels: str | None) -> Self:
        """Return what reads maps by a table of labels; by FreeSurfer's own if None."""
        return cls(label_table(Path(labels)) if labels else freesurfer_table())

    def segment(self, path: Path) -> Segmentation:
        """Return the label map of an image, in the study's labels; `StudyError` without one."""
        recorded = read_record(path)
        name = recorded.get(sidecars.LABEL_FILE)
        if name is None:
            raise StudyError(f"{path}: expected a label map of this image, got none; {ADVICE}")
        found, expected = Path(name), recorded.get(sidecars.LABEL_MD5)
        result = read_label_map(found, self.table)
        if md5(found) != expected:
            raise StudyError(
                f"{found}: expected the label map that was imported with its image, got another:"
                " it was replaced; run `dvc repro`"
            )
        return result

    def segment_image(self, image: Image) -> Segmentation:
        """Raise `StudyError`: there is no map of an image that was made here."""
        raise StudyError(
            "params.yaml: 'segment.perturbations.draws': expected 0 with segment.method files, as"
            " shifted copies of images have no label maps; set it to 0"
        )

    def quick(self) -> Self:
        """Return the same."""
        return self
