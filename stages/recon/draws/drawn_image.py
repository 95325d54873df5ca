"""One image of a group of draws: measurement, network and what its sidecar says."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from stages.kspace.masks.sampling import SamplingMask
from stages.params.draws import KINDS
from stages.recon.draws.protocol import DrawMethod, Measurement, Take
from stages.recon.inference import Reconstruction, reconstruct_slices
from stages.storage.files import md5
from stages.study import layout, sidecars

Sidecar = dict[str, object]


def draw_image(
    take: Take, method: DrawMethod, reconstruction: Reconstruction, device: torch.device
) -> tuple[np.ndarray, Sidecar]:
    """Return the image (n_slices, n_ky, n_kz) of one member and scan, and what is said of it."""
    found = method.measure(take)
    parts = take.scan.shape, found.batches, found.mask, reconstruction, device
    if not method.seeded:
        image = reconstruct_slices(*parts)
    else:
        with seeded(take.seed, device):
            image = reconstruct_slices(*parts)
    return found.undo(image), details(take, method, found)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's own generators for a while; they are then as before."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def details(take: Take, method: DrawMethod, found: Measurement) -> Sidecar:
    """Return what an image's sidecar says of its draw."""
    group, seed = take.options.network
    own_mask = sidecars.MASK not in KINDS[method.name].same_in
    mask = found.mask if own_mask else take.mask
    nested = KINDS[method.name].nested
    return {
        sidecars.DESCRIPTION: about(take.name, take.member, method, take.options.of),
        sidecars.RECONSTRUCTION: take.name,
        sidecars.MEMBER: take.member,
        sidecars.DRAWN_FROM: f"{group}/{seed}",
        sidecars.DRAW_METHOD: method.name,
        sidecars.DRAW_SEED: take.seed if nested else None,
        sidecars.ACCELERATION_ACQUIRED: mask.acceleration_acquired,
        sidecars.ACCELERATION_FULL: mask.acceleration_full,
        sidecars.MASK: mask_md5(mask) if own_mask else md5(layout.mask(take.subject)),
        **dict(found.details),
    }


def about(name: str, member: int, method: DrawMethod, of: str) -> str:
    """Return how the images of a member were made, a sentence."""
    return f"Member {member} of {name}: draws of the network {of} that differ in {method.words}."


def mask_md5(mask: SamplingMask) -> str:
    """Return the MD5 of the samples of a mask that lies in no file."""
    content = np.packbits(mask.mask).tobytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
