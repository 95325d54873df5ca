"""The device, the threads and the determinism that torch works with."""

import os

import torch

from stages.machine.memory import keep_freed_memory
from stages.params.compute import ComputeParams
from stages.study.errors import StudyError


def pick_device(name: str) -> torch.device:
    """Return the device of a name: `auto` (CUDA where there is one), `cpu` or `cuda`.

    Float32 is computed in float32 there: torch's default on CUDA lets convolutions round products
    to ten bits (TF32), which moves volumes by percents.

    Raises:
        StudyError: if `cuda` is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise StudyError("device 'cuda': torch finds no GPU; use 'auto' or 'cpu' (compute.device)")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def prepare(compute: ComputeParams) -> torch.device:
    """Set up torch for this process and return the device; called once, by the scripts.

    On a CPU every kernel that the study uses is deterministic for a fixed number of threads. On
    CUDA torch warns of one that is not and goes on.

    Raises:
        StudyError: if `cuda` is asked for and there is none.
    """
    keep_freed_memory()
    torch.set_num_threads(compute.threads)
    device = pick_device(compute.device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    # the same switch as use_deterministic_algorithms, which first imports the compiler (2 s)
    torch.set_deterministic_debug_mode("warn" if device.type == "cuda" else "error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs time
    return device
