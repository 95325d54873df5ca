"""The slices that a network learns from, wherever they are kept, and their random order."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import torch

from stages.kspace.formats.protocol import BATCH, Scan
from stages.kspace.masks.sampling import SamplingMask, load_mask
from stages.machine.progress import progress
from stages.recon.learned.cache import place
from stages.recon.physics import Batch, DeviceMask, make_batch
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices of one scan: complex64 (slices, n_coils, n_ky, n_kz) in memory, and its mask."""

    kspace: torch.Tensor
    mask: DeviceMask

    def __len__(self) -> int:
        return len(self.kspace)

    def fetch(self, indices: list[int], device: torch.device) -> torch.Tensor:
        """Return the chosen slices on the device."""
        if self.kspace.device.type != "cpu":
            return self.kspace[indices]
        chosen = staging(len(indices), self.kspace.shape[1:], device)
        # by numpy: torch would start a second team of OpenMP threads in the thread that prefetches
        np.take(self.kspace.numpy(), indices, axis=0, out=chosen.numpy(), mode="clip")
        return chosen.to(device, non_blocking=True)

    def batch(self, indices: list[int] | slice, device: torch.device) -> Batch:
        """Return the chosen slices as a batch of DIRECT's engines on the device."""
        return make_batch(self.kspace[indices].to(device), self.mask)


@dataclass(frozen=True, eq=False)
class StoredSlices:
    """Slices of one scan that are read when they are asked for, and its mask."""

    scan: Scan
    start: int  # the first slice to learn from
    n_slices: int
    mask: DeviceMask
    file: h5py.File  # kept open: HDF5 shares it, and reads the structure of the file only once

    def __len__(self) -> int:
        return self.n_slices

    def fetch(self, indices: list[int], device: torch.device) -> torch.Tensor:
        """Read the chosen slices; raise `StudyError` if one of them is damaged."""
        scan = self.scan
        chosen = staging(len(indices), (scan.n_coils, scan.n_ky, scan.n_kz), device)
        for row, index in zip(chosen.numpy(), indices, strict=True):
            row[...] = scan.read(self.start + index, self.start + index + 1)[0]
        return chosen.to(device, non_blocking=True)


def staging(n_slices: int, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return an empty complex64 tensor (n_slices, *shape) on the host to copy to the device.

    torch allocates it in every case: its alignment decides how kernels round.
    """
    pinned = device.type == "cuda"  # only from pinned memory does a copy run beside the kernels
    return torch.empty((n_slices, *shape), dtype=torch.complex64, pin_memory=pinned)


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


def training_slices(
    scans: list[Scan],
    crop: tuple[int, int],
    device: torch.device,
    cache: Literal["auto", "device", "host", "none"] = "auto",
) -> list[Slices] | list[StoredSlices]:
    """Return the slices to learn from, without the outer ones, kept where `cache` says.

    Raises:
        StudyError: if a scan has too few slices for the crop, or its values are damaged, or the
            memory that is asked for is not free.
    """
    masks = [DeviceMask.of(scan_mask(scan), device) for scan in scans]
    spans = [_span(scan, crop) for scan in scans]
    n_values = sum(
        (stop - start) * scan.n_coils * scan.n_ky * scan.n_kz
        for scan, (start, stop) in zip(scans, spans, strict=True)
    )
    where = place(cache, n_values, device)
    if where == "none":
        return [
            StoredSlices(scan, start, stop - start, mask, h5py.File(scan.path, "r"))
            for scan, (start, stop), mask in zip(scans, spans, masks, strict=True)
        ]
    target = device if where == "device" else torch.device("cpu")
    bar = progress(scans, desc="training scans", unit="scan")
    return [
        Slices(_loaded(scan, start, stop, target), mask)
        for scan, (start, stop), mask in zip(bar, spans, masks, strict=True)
    ]


def _span(scan: Scan, crop: tuple[int, int]) -> tuple[int, int]:
    start, stop = crop[0], scan.n_slices - crop[1]
    if stop <= start:
        raise StudyError(
            f"{scan.path}: expected more than {sum(crop)} slices (crop_outer_slices {crop[0]}"
            f" and {crop[1]}), got {scan.n_slices}; crop fewer"
        )
    return start, stop


def _loaded(scan: Scan, start: int, stop: int, device: torch.device) -> torch.Tensor:
    shape = (stop - start, scan.n_coils, scan.n_ky, scan.n_kz)
    kspace = torch.empty(shape, dtype=torch.complex64, device=device)
    for first in range(start, stop, BATCH):
        batch = scan.read(first, min(first + BATCH, stop))
        kspace[first - start : first - start + len(batch)] = torch.from_numpy(batch)
    return kspace


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

    def ahead(self) -> Iterator[tuple[int, list[int]]]:
        """Yield what `next` will return from here on; this order itself stays where it is."""
        other = SliceOrder(self.lengths, self.batch_size, torch.Generator())
        other.load_state_dict(self.state_dict())
        while True:
            yield other.next()

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
