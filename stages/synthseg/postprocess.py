"""From posteriors to labels and volumes, by the recipes of SynthSeg's modes."""

import numpy as np
import torch
from scipy import ndimage

PRESENT = 0.25  # posterior above which a voxel counts for the largest component


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest 6-connected part of a boolean volume; an empty one is returned as it is."""
    parts, n = ndimage.label(mask)
    if n <= 1:
        return mask
    sizes = np.bincount(parts.reshape(-1))
    sizes[0] = 0
    return parts == sizes.argmax()


def keep_largest(posteriors: torch.Tensor) -> None:
    """Zero all structures outside the largest part of their sum, in place.

    Args:
        posteriors: (channels, x, y, z), background first; it stays as it is.
    """
    whole = posteriors[1:].sum(0) > PRESENT
    posteriors[1:] *= torch.from_numpy(largest_component(whole.numpy()))


def drop_small(posteriors: torch.Tensor, floor: float) -> None:
    """Zero the posteriors of structures that do not exceed `floor`, in place."""
    structures = posteriors[1:]
    structures[structures <= floor] = 0


def clean_topology(posteriors: torch.Tensor, classes: tuple[int, ...]) -> None:
    """Keep the largest part of each topology class, in place; class 0 is left alone.

    Args:
        posteriors: (channels, x, y, z).
        classes: of every channel.
    """
    present = posteriors > PRESENT
    for number in sorted(set(classes) - {0}):
        members = [channel for channel, own in enumerate(classes) if own == number]
        kept = torch.from_numpy(largest_component(present[members].any(0).numpy()))
        for channel in members:
            posteriors[channel] *= kept


def renormalise(posteriors: torch.Tensor) -> torch.Tensor:
    """Divide by the sum over channels, in place; voxels without any posterior become background."""
    total = posteriors.sum(0)
    posteriors[0] += total == 0
    return posteriors.div_(total.where(total > 0, torch.ones_like(total)))


def clean(
    posteriors: torch.Tensor,
    inside: tuple[slice, ...],
    *,
    topology: tuple[int, ...] = (),
    floor: float,
) -> torch.Tensor:
    """Post-processing: with topology classes the standard one, else that of robust and fast.

    The standard mode cleans on the padded grid, the others on the image alone.

    Args:
        posteriors: (channels, x, y, z) float32 on the padded grid, changed in place.
        inside: where the image lies in it.
        topology: class of every channel.
        floor: posteriors at or below it are dropped (robust and fast).

    Returns:
        (channels, x, y, z) on the grid of the image; sums to one.
    """
    cut = (slice(None), *inside)
    if topology:
        keep_largest(posteriors)
        clean_topology(posteriors, topology)
        return renormalise(posteriors[cut])
    posteriors = posteriors[cut]
    keep_largest(posteriors)
    drop_small(posteriors, floor)
    return renormalise(posteriors)


def label_map(posteriors: torch.Tensor, labels: tuple[int, ...]) -> np.ndarray:
    """(channels, x, y, z) -> int32 (x, y, z): the label of the largest posterior."""
    return np.array(labels, np.int32)[posteriors.argmax(0).numpy()]


def volumes(posteriors: torch.Tensor, voxel_size_mm: np.ndarray) -> np.ndarray:
    """Volume of every structure in mm3: sum of its posterior (float64) times the voxel volume."""
    sums = posteriors[1:].flatten(1).sum(1, dtype=torch.float64).numpy()
    return sums * np.prod(np.asarray(voxel_size_mm, float))
