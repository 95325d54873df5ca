"""Where networks run."""

import torch

from stages.errors import StudyError


def pick_device(name: str) -> torch.device:
    """`auto` (CUDA where there is one), `cpu` or `cuda`; `StudyError` if that is missing."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise StudyError("device 'cuda': no CUDA device was found; use 'cpu' or 'auto'")
    return torch.device("cuda" if available and name != "cpu" else "cpu")
