"""How the images of a group are reconstructed: by a trained network, or by a baseline's method.

A baseline is an entry of `BASELINES` here and of `groups.BASELINE.names`; every other group is an
ensemble of trained networks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from stages.kspace.formats.calgary_campinas import Scan, identities
from stages.params.compressed_sensing import CompressedSensingParams
from stages.provenance.leakage import check_use
from stages.provenance.records import member_record
from stages.recon.compressed_sensing import l1_wavelet
from stages.recon.inference import Reconstruction, learned
from stages.recon.learned.checkpoints import load_member, trained_member
from stages.recon.learned.slices import scan_mask
from stages.recon.physics import zero_filled
from stages.storage.files import read_mapping
from stages.storage.nifti import subject
from stages.study import layout

Sidecar = dict[str, object]


def no_origin(group: str, seed: int, scans: list[Scan]) -> Sidecar:
    """Return nothing: no network made the images."""
    return {}


@dataclass(frozen=True)
class Method:
    """A way from undersampled k-space to images."""

    open: Callable[[str, int, torch.device], Reconstruction]
    """Group, seed and device -> the reconstruction; `StudyError` if its member is of no use."""
    origin: Callable[[str, int, list[Scan]], Sidecar] = no_origin
    """Group, seed and scans -> what images say about the member that makes them; `StudyError` if
    it must not meet these scans."""
    tools: tuple[str, ...] = ()
    """Installed packages that do the work."""


def open_network(group: str, seed: int, device: torch.device) -> Reconstruction:
    """Return the reconstruction by a trained member of an ensemble."""
    return learned(load_member(trained_member(group, seed), device))


def network_origin(group: str, seed: int, scans: list[Scan]) -> Sidecar:
    """Return what images say about the trained member that makes them.

    Raises:
        StudyError: if the member has learned from one of the scans, or for another acceleration.
    """
    folder = layout.model(group, seed)
    configuration = read_mapping(folder / layout.CONFIGURATION)
    masks = {layout.mask(subject(scan.path)): scan_mask(scan) for scan in scans}
    accelerations = {path: mask.acceleration_acquired for path, mask in masks.items()}
    check_use(folder, configuration, identities(scans), accelerations)
    return member_record(layout.member_weights(group, seed), configuration)


NETWORK = Method(open_network, network_origin, tools=("direct-recon",))
BASELINES: dict[str, Callable[[CompressedSensingParams], Reconstruction]] = {
    "zero_filled": lambda params: zero_filled,
    "compressed_sensing": l1_wavelet,
}
"""Name of a baseline -> its reconstruction."""


def open_baseline(group: str, seed: int, device: torch.device) -> Reconstruction:
    """Return the reconstruction by a baseline."""
    return BASELINES[group](CompressedSensingParams.load())


def method_of(group: str) -> Method:
    """Return how the images of a group of undersampled scans are reconstructed."""
    return Method(open_baseline) if group in BASELINES else NETWORK
