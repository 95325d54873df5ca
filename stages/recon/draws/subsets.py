"""Subsets: a random part of the sampled positions outside the calibration region is kept."""

import numpy as np

from stages.kspace.masks.sampling import SamplingMask
from stages.recon.draws.protocol import DrawMethod, Measurement, Take


def part_of(mask: SamplingMask, kept: float, rng: np.random.Generator) -> SamplingMask:
    """Return a mask with a fraction of the samples outside its calibration region.

    Args:
        mask: of the scan.
        kept: between 0 and 1; the number of samples is rounded.
        rng: chooses them.
    """
    outside = np.flatnonzero(mask.mask & ~mask.calibration)
    chosen = rng.choice(outside, size=round(kept * len(outside)), replace=False)
    found = mask.calibration.copy()
    found.flat[chosen] = True
    factor = int(mask.mask.sum()) / int(found.sum())
    return SamplingMask(
        mask=found,
        calibration=mask.calibration,
        acceleration_acquired=mask.acceleration_acquired * factor,
        acceleration_full=mask.acceleration_full * factor,
        region=mask.region,
    )


def measure(take: Take) -> Measurement:
    """Return the scan with a part of its samples."""
    mask = part_of(take.mask, take.options.kept, take.rng)
    return Measurement(take.scan.batches(take.batch_size), mask)


SUBSETS = DrawMethod("subsets", "which samples outside the calibration region are kept", measure)
