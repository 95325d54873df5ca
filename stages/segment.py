"""Segment every image of one member and measure its volumes.

`python -m stages.segment unet 3`: work/images/unet/3 -> work/segmentations/unet/3.
"""

import torch

from stages.machine.arguments import member_argument
from stages.machine.device import pick_device
from stages.machine.entry import entry_point
from stages.machine.memory import map_large_blocks
from stages.params.compute import ComputeParams
from stages.params.segment import SegmentParams
from stages.segmenters.segmentations import segment_member


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Command-line arguments: group and member seed."""
    group, seed = member_argument(arguments, "segment")
    compute = ComputeParams.load()
    torch.set_num_threads(compute.workers)  # results are bit-identical for any number
    map_large_blocks()
    segment_member(group, seed, SegmentParams.load(), pick_device(compute.device))


if __name__ == "__main__":
    main()
