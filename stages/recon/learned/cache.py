"""Where the k-space of a training is kept: on the device, in host memory, or in its files alone."""

import sys
from pathlib import Path
from typing import Literal

import psutil
import torch

from stages.study.errors import StudyError

Place = Literal["device", "host", "none"]

# the other half of a GPU holds weights, moments and activations: 17 GB for the paper's VarNet, 8
# slices at a time; the other half of the host is for the trainings beside this one and page cache
SAFE_PART = 0.5
BYTES = 8  # of a complex64 value
GB = 1e9

CGROUPS = Path("/sys/fs/cgroup")  # version 2
OWN_CGROUP = Path("/proc/self/cgroup")


def place(
    wanted: Literal["auto", "device", "host", "none"], n_values: int, device: torch.device
) -> Place:
    """Return where complex64 values are to be kept, and say so in one line on stderr.

    `auto` takes the fastest place of which the values fill no more than `SAFE_PART`.

    Args:
        wanted: `compute.cache`; the device of a CPU is the host.
        n_values: number of values.
        device: where the networks compute.

    Raises:
        StudyError: if the place that is asked for has less free memory than that.
    """
    needed = BYTES * n_values
    free: dict[Place, int] = {"host": free_host_bytes()}
    if device.type == "cuda":
        free = {"device": torch.cuda.mem_get_info(device)[0], **free}
    elif wanted == "device":
        wanted = "host"
    if wanted in free and needed > free[wanted]:
        raise StudyError(
            f"params.yaml: 'compute.cache' is {wanted}, where the training scans need"
            f" {needed / GB:.2f} GB; got {free[wanted] / GB:.2f} GB that are free; set auto or none"
        )
    chosen = wanted if wanted != "auto" else fastest(free, needed)
    kept = {"device": "on the device", "host": "in host memory", "none": "in the files"}[chosen]
    print(f"k-space of the training slices: {needed / GB:.2f} GB, kept {kept}", file=sys.stderr)
    return chosen


def fastest(free: dict[Place, int], needed: int) -> Place:
    """Return the first place with room to spare, `none` if there is none; all in bytes."""
    return next((name for name, n in free.items() if needed <= SAFE_PART * n), "none")


def free_host_bytes() -> int:
    """Return the memory that this process may still take, its control group's limit included."""
    return min([psutil.virtual_memory().available, *_group_headroom()])


def _group_headroom() -> list[int]:
    # of the group of this process and of those around it; files in the page cache can be dropped
    try:
        own = OWN_CGROUP.read_text().strip().rpartition("::/")[2]
    except OSError:
        return []
    found = []
    for group in (CGROUPS / own, *(CGROUPS / own).parents):
        try:
            limit = int((group / "memory.max").read_text())  # the word "max" stands for no limit
            used = int((group / "memory.current").read_text())
            statistics = dict(s.split() for s in (group / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        found.append(limit - used + int(statistics["inactive_file"]))
    return found
