"""What a method of drawing is: which weights, which measurement, what is undone in the image."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.params.draws import DrawsParams, Method
from stages.recon.inference import Batches
from stages.recon.learned.checkpoints import load_member, trained_member
from stages.recon.learned.engine import Engine
from stages.study import layout
from stages.study.seeds import stable_seed


@dataclass(frozen=True, eq=False)
class Source:
    """A trained member that is drawn from."""

    group: str
    seed: int
    device: torch.device

    @property
    def folder(self) -> Path:
        """Its weights and configuration."""
        return layout.model(self.group, self.seed)

    @property
    def snapshots(self) -> dict[int, Path]:
        """Weights after some steps of its training, the first step first."""
        return layout.snapshots(layout.training(self.group, self.seed))


@dataclass(frozen=True, eq=False)
class Take:
    """One scan as one member of a group of draws meets it."""

    scan: Scan
    mask: SamplingMask
    options: DrawsParams
    name: str
    """Of the group of draws."""
    member: int
    subject: str
    batch_size: int
    """Slices at once."""

    @property
    def seed(self) -> int:
        """A fixed function of group, member and scan."""
        return stable_seed("draws", self.name, self.member, self.subject)

    @property
    def rng(self) -> np.random.Generator:
        """What is drawn for this member and scan."""
        return np.random.default_rng(self.seed)


def unchanged(image: np.ndarray) -> np.ndarray:
    """Return an image as it is."""
    return image


@dataclass(frozen=True, eq=False)
class Measurement:
    """K-space that is reconstructed in place of the scan's own."""

    batches: Batches
    """Number of a slice, and k-space (slices, n_coils, n_ky, n_kz) from it on."""
    mask: SamplingMask
    undo: Callable[[np.ndarray], np.ndarray] = unchanged
    """From the image (n_slices, n_ky, n_kz) to that of the scan as it lay."""
    details: tuple[tuple[str, object], ...] = ()
    """What the image's sidecar says of it."""


def as_measured(take: Take) -> Measurement:
    """Return the scan and its mask as they are."""
    return Measurement(take.scan.batches(take.batch_size), take.mask)


def as_trained(source: Source, member: int, options: DrawsParams) -> tuple[Engine, str | None]:
    """Return the network of the member itself; its images record the member's weights."""
    return load_member(trained_member(source.group, source.seed), source.device), None


@dataclass(frozen=True)
class DrawMethod:
    """A method of drawing images from one trained network."""

    name: Method
    words: str
    """What differs between members, a clause after "draws that differ in"."""
    measure: Callable[[Take], Measurement] = as_measured
    """Raises `StudyError` if the scan or its mask is of no use."""
    open: Callable[[Source, int, DrawsParams], tuple[Engine, str | None]] = as_trained
    """Source, member and options -> the network, and the MD5 of its weights if they are others
    than the member's; `StudyError` if there is no such network."""
    seeded: bool = False
    """The network itself draws numbers while it reconstructs."""
