"""Snapshots: the weights after some steps of a training, from which its member is chosen.

While the training runs they lie beside its checkpoints, so that they survive whatever kills it.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.recon.learned.checkpoints import serialised
from stages.recon.learned.engine import Weights
from stages.recon.learned.resume import Checkpoints, write_whole
from stages.study import layout


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of one training that is not done yet."""

    checkpoints: Checkpoints

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.checkpoints.folder / "snapshots"

    def write(self, step: int, weights: Weights) -> None:
        """Write the weights after a step; `StudyError` if the disk does not take them."""
        content = serialised(weights)
        path = self.folder / layout.snapshot(step)
        try:
            write_whole(path, content)
        except OSError as error:
            raise self.checkpoints.unwritable(self.folder, len(content), error) from None

    def hand_over(self, folder: Path) -> None:
        """Put all of them into another folder too; raise `OSError` if the disk is full.

        Links take no room, and a kill in between leaves the training as it was.
        """
        for path in layout.snapshots(self.folder).values():
            try:
                os.link(path, folder / path.name)
            except OSError:  # a file system without links
                shutil.copyfile(path, folder / path.name)
