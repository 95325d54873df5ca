"""The step of a training by torch's compiler: networks, losses and physics as fused kernels.

On a CPU the compiler writes C++ and needs a compiler of the system; what it cannot take, or cannot
build, runs as it is. Compiling takes 10 to 30 s for the first member and 3 to 5 s for the others,
which find the kernels of the first in torch's cache, so it pays from a few hundred steps on.
"""

import os
from collections.abc import Callable

import torch

from stages.recon.learned.engine import Engine, Losses
from stages.recon.learned.losses import loss_functions
from stages.recon.learned.networks import modules_of
from stages.recon.learned.recurrent import ConvolutionalGRU
from stages.recon.physics import Batch, DeviceMask, make_batch

ONEDNN_LIMIT = "ONEDNN_MAX_CPU_ISA"  # variable of the environment that restricts oneDNN
StepFunctions = tuple[Losses, Callable[[torch.Tensor, DeviceMask], Batch]]


def step_functions(engine: Engine, *, compiled: bool) -> StepFunctions:
    """Return the losses of an engine and `make_batch`, which a training step calls.

    Compiled, the networks of the engine are so as well, in place: the names of their weights stay
    as they are. RIM asks the device for a number in every time step, which breaks its graph: its
    cell and its likelihood are then compiled each by itself.
    """
    losses = loss_functions(engine)
    if not compiled:
        return losses, make_batch
    import torch._dynamo  # 2 s that others need not wait
    import torch._functorch.config
    import torch.compiler.config
    from direct.nn.loss_keys import KeyedLossFn

    torch.compiler.config.cache_key_tag = processor()
    torch._dynamo.config.suppress_errors = True
    # A GRU else puts signs aside for its gradient as booleans, which are slow to store; other
    # networks lose by computing them again.
    torch._functorch.config.aggressive_recomputation = any(
        isinstance(module, ConvolutionalGRU)
        for network in modules_of(engine).values()
        for module in network.modules()
    )
    for network in modules_of(engine).values():
        network.compile(dynamic=False)
    fused = {
        name: KeyedLossFn(torch.compile(loss.fn, dynamic=False), loss.source_key, loss.target_key)
        for name, loss in losses.items()
    }
    return fused, torch.compile(make_batch, dynamic=False)


def processor() -> str:
    """Return which vector instructions torch and oneDNN may use.

    Torch's cache does not tell them apart, though its kernels are laid out for them: those of
    another processor, or another setting, would write past the end of their arrays.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{capability}-{os.environ.get(ONEDNN_LIMIT, 'all').lower()}"
