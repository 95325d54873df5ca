"""Segment every image of one member and measure its volumes.

`python -m stages.segment unet 3`: work/images/unet/3 -> work/segmentations/unet/3; without a number
all members of the group, one after the other.
"""

import torch

from stages.machine.arguments import members_argument
from stages.machine.device import pick_device
from stages.machine.entry import entry_point
from stages.machine.memory import map_large_blocks
from stages.machine.progress import progress
from stages.params.compute import ComputeParams
from stages.params.ensembles import EnsembleParams
from stages.params.segment import SegmentParams
from stages.segmenters.segmentations import n_segmentations, segment_member


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Command-line arguments: group, and member seed unless all are meant."""
    group, seed = members_argument(arguments, "segment")
    compute = ComputeParams.load()
    torch.set_num_threads(compute.workers)  # results are bit-identical for any number
    map_large_blocks()
    ensembles, params = EnsembleParams.load(), SegmentParams.load()
    if group not in ensembles.ensembles:
        params = params.once  # the study divides the variance of ensembles alone
    seeds = (seed,) if seed is not None else ensembles.members(group)
    device, total = pick_device(compute.device), n_segmentations(group, seeds, params)
    with progress(desc=f"segment {group}", total=total, unit="image") as bar:
        for one in seeds:
            segment_member(group, one, params, device, bar.update)


if __name__ == "__main__":
    main()
