"""The device, the threads and the determinism that torch works with."""

import os

import torch

from stages.machine.memory import keep_freed_memory
from stages.params.compute import ComputeParams
from stages.study.errors import StudyError


def pick_device(name: str) -> torch.device:
    """`auto` (CUDA where there is one), `cpu` or `cuda`; `StudyError` if that is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise StudyError("device 'cuda': no CUDA device was found; use 'cpu' or 'auto'")
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
    available = torch.cuda.is_available()
    if compute.device == "cuda" and not available:
        raise StudyError(
            "params.yaml: 'compute.device' is cuda, but torch finds no GPU; set auto or cpu"
        )
    device = torch.device("cuda" if available and compute.device != "cpu" else "cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    # the same switch as use_deterministic_algorithms, which first imports the compiler (2 s)
    torch.set_deterministic_debug_mode("warn" if device.type == "cuda" else "error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs time
    return device
