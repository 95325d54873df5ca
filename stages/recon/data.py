"""The slices that a network learns from, in host memory, and the order in which it sees them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages import layout
from stages.errors import StudyError
from stages.images import subject
from stages.kspace.files import Scan
from stages.kspace.masks import SamplingMask, load_mask
from stages.progress import progress
from stages.recon.physics import Batch, DeviceMask, make_batch


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices of one scan: complex64 (slices, n_coils, n_ky, n_kz) in host memory, and its mask."""

    kspace: torch.Tensor
    mask: DeviceMask

    def batch(self, indices: list[int] | slice, device: torch.device) -> Batch:
        """Return the chosen slices as a batch of DIRECT's engines on the device."""
        return make_batch(self.kspace[indices].to(device), self.mask)


def scan_mask(scan: Scan, path: Path | None = None) -> SamplingMask:
    """Load the mask of a scan; raise `StudyError` if it was drawn for another matrix."""
    path = path or layout.mask(subject(scan.path))
    drawn = load_mask(path)
    if drawn.mask.shape != (scan.n_ky, scan.n_kz):
        raise StudyError(
            f"{path}: expected a mask of {scan.n_ky} x {scan.n_kz}, got"
            f" {' x '.join(map(str, drawn.mask.shape))}; run `dvc repro mask`"
        )
    return drawn


def training_slices(scans: list[Scan], crop: tuple[int, int], device: torch.device) -> list[Slices]:
    """Read the slices to learn from, without the outer ones.

    Raises:
        StudyError: if a scan has too few slices for the crop, or its values are damaged.
    """
    loaded = []
    for scan in progress(scans, desc="training scans", unit="scan"):
        start, stop = crop[0], scan.n_slices - crop[1]
        if stop <= start:
            raise StudyError(
                f"{scan.path}: expected more than {sum(crop)} slices (crop_outer_slices {crop[0]}"
                f" and {crop[1]}), got {scan.n_slices}; crop fewer"
            )
        kspace = torch.from_numpy(scan.read(start, stop))
        loaded.append(Slices(kspace, DeviceMask.of(scan_mask(scan), device)))
    return loaded


def validation_slices(
    scans: list[Scan], crop: tuple[int, int], number: int, device: torch.device
) -> list[Slices]:
    """Read a few evenly spread slices of each scan to follow the training by."""
    loaded = []
    for scan in scans:
        last = max(scan.n_slices - crop[1] - 1, crop[0])
        chosen = np.unique(np.linspace(crop[0], last, number + 2)[1:-1].round().astype(int))
        kspace = np.concatenate([scan.read(index, index + 1) for index in chosen])
        loaded.append(Slices(torch.from_numpy(kspace), DeviceMask.of(scan_mask(scan), device)))
    return loaded


@dataclass
class SliceOrder:
    """Endless random order of batches, each of slices of one scan, every slice once an epoch.

    Scans may differ in their matrix, so a batch never mixes two of them. The whole state is the
    generator's at the start of the epoch and the position within it.
    """

    lengths: list[int]
    batch_size: int
    generator: torch.Generator
    position: int = 0

    def __post_init__(self) -> None:
        self._start = self.generator.get_state()
        self._epoch = self._shuffled()

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        while True:
            yield self.next()

    def next(self) -> tuple[int, list[int]]:
        """Return the scan and the slices of the next batch."""
        if self.position == len(self._epoch):
            self._start, self.position = self.generator.get_state(), 0
            self._epoch = self._shuffled()
        self.position += 1
        return self._epoch[self.position - 1]

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on exactly here."""
        return {"start": self._start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another order stood."""
        self.generator.set_state(state["start"])
        self._start = state["start"]
        self._epoch, self.position = self._shuffled(), state["position"]

    def _shuffled(self) -> list[tuple[int, list[int]]]:
        batches = []
        for scan, length in enumerate(self.lengths):
            order = torch.randperm(length, generator=self.generator).tolist()
            size = min(self.batch_size, length)
            # the remainder of an epoch is left out, so that every step sees a full batch
            batches += [(scan, order[k : k + size]) for k in range(0, length - size + 1, size)]
        order = torch.randperm(len(batches), generator=self.generator).tolist()
        return [batches[k] for k in order]
