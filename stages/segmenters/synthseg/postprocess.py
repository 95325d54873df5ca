"""From posteriors to labels and volumes, by the recipes of SynthSeg's modes.

At 1 mm the posteriors fill more than a gigabyte. Every step works through them a few planes at a
time, which stay in the processor's cache, and connected parts are sought inside the bounding box of
their structures alone.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy import ndimage

from stages.study.axes import three

PRESENT = 0.25  # posterior above which a voxel counts for the largest component
CHUNK = 2  # planes at a time: with 33 channels a few MB at 1 mm
WHOLE = 0  # the class of channels that are cleaned with the brain as a whole

Box = tuple[slice, slice, slice]


def chunks(volume: torch.Tensor) -> Iterator[torch.Tensor]:
    """Views (..., CHUNK, y, z) of a volume (..., x, y, z), one after the other."""
    return iter(volume.split(CHUNK, -3))


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The largest 6-connected part of a boolean volume; an empty one is returned as it is."""
    parts, n = ndimage.label(mask)
    if n <= 1:
        return mask
    sizes = np.bincount(parts.reshape(-1))
    sizes[0] = 0
    return parts == sizes.argmax()


def foreground(posteriors: torch.Tensor) -> np.ndarray:
    """Where all structures together are present: the largest part of their sum > `PRESENT`.

    Args:
        posteriors: (channels, x, y, z), background first.
    """
    present = torch.cat([chunk[1:].sum(0) > PRESENT for chunk in chunks(posteriors)])
    return largest_component(present.cpu().numpy())


def class_bits(posteriors: torch.Tensor, classes: Sequence[int]) -> np.ndarray:
    """(x, y, z) int32 whose bit c is set where a channel of class c > 0 is present."""
    bits = torch.zeros(posteriors.shape[1:], dtype=torch.int32, device=posteriors.device)
    for chunk, found in zip(chunks(posteriors), chunks(bits), strict=True):
        for channel, number in enumerate(classes):
            if number != WHOLE:
                found |= (chunk[channel] > PRESENT).to(torch.int32) << number
    return bits.cpu().numpy()


def bounding_boxes(bits: np.ndarray) -> dict[int, Box]:
    """Bit -> smallest box that holds all voxels in which it is set."""
    profiles = [np.bitwise_or.reduce(bits, axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
    boxes = {}
    for number in range(bits.dtype.itemsize * 8 - 1):
        hits = [np.flatnonzero(profile >> number & 1) for profile in profiles]
        if len(hits[0]):
            boxes[number] = three(slice(int(h[0]), int(h[-1]) + 1) for h in hits)
    return boxes


def surviving_parts(posteriors: torch.Tensor, classes: Sequence[int]) -> torch.Tensor:
    """(x, y, z) int32: bit c, whether class c survives; bit 0, whether any structure does.

    A class keeps the largest part of where it is present within the brain.

    Args:
        posteriors: (channels, x, y, z), background first.
        classes: of every channel, `WHOLE` or 1 .. 30.
    """
    whole = foreground(posteriors)
    kept = whole.astype(np.int32)
    if any(classes):
        bits = class_bits(posteriors, classes)
        bits *= kept
        for number, box in bounding_boxes(bits).items():
            part = largest_component((bits[box] >> number & 1).astype(bool))
            kept[box] |= part.astype(np.int32) << number
    return torch.from_numpy(kept).to(posteriors.device)


def keep_parts(posteriors: torch.Tensor, kept: torch.Tensor, classes: Sequence[int]) -> None:
    """Zero in place every structure where its class does not survive; background stays as it is.

    Args:
        posteriors: (channels, x, y, z).
        kept: of `surviving_parts`.
        classes: of every channel.
    """
    if not any(classes):
        posteriors[1:] *= (kept & 1).to(posteriors.dtype)
        return
    masks = {number: (kept >> number & 1).to(posteriors.dtype) for number in set(classes[1:])}
    for channel, number in enumerate(classes[1:], start=1):
        posteriors[channel] *= masks[number]


def drop_small(posteriors: torch.Tensor, floor: float) -> None:
    """Zero the posteriors of structures that do not exceed `floor`, in place."""
    torch.threshold_(posteriors[1:], floor, 0.0)


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
) -> tuple[torch.Tensor, Box]:
    """Post-processing: with topology classes the standard one, else that of robust and fast.

    The standard mode cleans on the padded grid, the others on the image alone.

    Args:
        posteriors: (channels, x, y, z) float32 on the padded grid, changed in place.
        inside: where the image lies in it.
        topology: class of every channel; empty for none.
        floor: posteriors at or below it are dropped (robust and fast).

    Returns:
        The box of the image that holds all structures, (channels, x, y, z), which sums to one;
        and where it lies in the image. Elsewhere is background.
    """
    cut = (slice(None), *inside)
    if topology:
        kept = surviving_parts(posteriors, topology)[inside]
        posteriors = posteriors[cut]
    else:
        posteriors = posteriors[cut]
        kept = surviving_parts(posteriors, (WHOLE,) * len(posteriors))
    box = brain_box(kept)
    posteriors, kept = posteriors[(slice(None), *box)], kept[box]
    for chunk, survives in zip(chunks(posteriors), chunks(kept), strict=True):
        keep_parts(chunk, survives, topology or (WHOLE,) * len(chunk))
        if floor > 0 and not topology:
            drop_small(chunk, floor)
        renormalise(chunk)
    return posteriors, box


def brain_box(kept: torch.Tensor) -> Box:
    """Return the box around all that survives; one voxel where nothing does."""
    hits = [torch.nonzero(kept.amax(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return three(slice(int(h[0]), int(h[-1]) + 1) if len(h) else slice(0, 1) for h in hits)


def label_map(posteriors: torch.Tensor, labels: tuple[int, ...]) -> np.ndarray:
    """(channels, x, y, z) -> int32 (x, y, z): the label of the largest posterior."""
    channels = torch.cat([chunk.argmax(0).to(torch.uint8) for chunk in chunks(posteriors)])
    return np.array(labels, np.int32)[channels.cpu().numpy()]


def volumes(posteriors: torch.Tensor, voxel_size_mm: np.ndarray) -> np.ndarray:
    """Volume of every structure in mm3: sum of its posterior (float64) times the voxel volume."""
    sums = sum(chunk[1:].sum((1, 2, 3), dtype=torch.float64) for chunk in chunks(posteriors))
    return sums.cpu().numpy() * np.prod(np.asarray(voxel_size_mm, float))
