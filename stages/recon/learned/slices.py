"""The slices that a network learns from, wherever they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import h5py
import numpy as np
import torch

from stages.kspace.formats.protocol import BATCH, Scan
from stages.kspace.masks.sampling import SamplingMask, load_mask
from stages.recon.learned.cache import place
from stages.recon.learned.order import Picks, Size
from stages.recon.physics import Batch, DeviceMask, make_batch
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError


@dataclass(frozen=True, eq=False)
class Slices:
    """Slices of one scan: complex64 (slices, n_coils, n_ky, n_kz) in memory, and its mask."""

    kspace: torch.Tensor
    mask: DeviceMask

    @property
    def size(self) -> Size:
        """Slices, ky, kz, coils."""
        n_slices, n_coils, n_ky, n_kz = self.kspace.shape
        return n_slices, n_ky, n_kz, n_coils

    @property
    def n_coils(self) -> int:
        """Receive channels."""
        return self.kspace.shape[1]

    @property
    def place(self) -> str:
        """Type of the device that holds them."""
        return self.kspace.device.type

    def copy(self, index: int, row: torch.Tensor) -> None:
        """Copy a slice to a place (n_coils, n_ky, n_kz) on the device that holds it."""
        if self.place != "cpu":
            row.copy_(self.kspace[index])
        else:
            # by numpy: torch would start a second team of OpenMP threads in the prefetching thread
            np.copyto(row.numpy(), self.kspace[index].numpy())

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

    place = "cpu"  # where a slice arrives

    @property
    def size(self) -> Size:
        """Slices, ky, kz, coils."""
        return self.n_slices, self.scan.n_ky, self.scan.n_kz, self.scan.n_coils

    @property
    def n_coils(self) -> int:
        """Receive channels."""
        return self.scan.n_coils

    def copy(self, index: int, row: torch.Tensor) -> None:
        """Read a slice to a place (n_coils, n_ky, n_kz); raise `StudyError` if it is damaged."""
        first = self.start + index
        np.copyto(row.numpy(), self.scan.read(first, first + 1)[0])


TrainingSlices = Sequence[Slices | StoredSlices]
"""What is learned from, scan by scan."""


def fetch(training: TrainingSlices, picks: Picks, device: torch.device) -> torch.Tensor:
    """Return k-space (batch, n_coils, n_ky, n_kz) of slices of one matrix on the device.

    Raises:
        StudyError: if a slice is read only now and is damaged.
    """
    first = training[picks[0][0]]
    shape = (len(picks), first.n_coils, *first.size[1:3])
    if first.place == "cpu":
        chosen = staging(shape, device)
    else:
        chosen = torch.empty(shape, dtype=torch.complex64, device=device)
    for row, (scan, index) in zip(chosen, picks, strict=True):
        training[scan].copy(index, row)
    return chosen.to(device, non_blocking=True)


def masks_of(training: TrainingSlices, picks: Picks) -> DeviceMask:
    """Return the masks of the scans that the slices of a batch come from, a row a slice."""
    return DeviceMask.stacked([training[scan].mask for scan, _ in picks])


def staging(shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return an empty complex64 tensor on the host to copy to the device.

    torch allocates it in every case: its alignment decides how kernels round.
    """
    pinned = device.type == "cuda"  # only from pinned memory does a copy run beside the kernels
    return torch.empty(shape, dtype=torch.complex64, pin_memory=pinned)


def scan_mask(scan: Scan, part: str = layout.VALIDATION) -> SamplingMask:
    """Load the mask of a scan; raise `StudyError` if it was drawn for another matrix."""
    path = layout.mask(subject(scan.path), part)
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
    masks = [DeviceMask.of(scan_mask(scan, layout.TRAIN), device) for scan in scans]
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
    return [
        Slices(_loaded(scan, start, stop, target), mask)
        for scan, (start, stop), mask in zip(scans, spans, masks, strict=True)
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


def monitor_slices(
    scans: list[Scan], crop: tuple[int, int], number: int, device: torch.device
) -> list[Slices]:
    """Read a few evenly spread slices of each monitor scan."""
    loaded = []
    for scan in scans:
        last = max(scan.n_slices - crop[1] - 1, crop[0])
        chosen = np.unique(np.linspace(crop[0], last, number + 2)[1:-1].round().astype(int))
        kspace = np.concatenate([scan.read(index, index + 1) for index in chosen])
        mask = DeviceMask.of(scan_mask(scan, layout.MONITOR), device)
        loaded.append(Slices(torch.from_numpy(kspace), mask))
    return loaded
