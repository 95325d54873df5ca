"""Parameters of training in words, for tables and for the text of methods."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.params.train import TrainParams

KEPT = {
    "last": "last step",
    "best_psnr": "step of the highest PSNR on the monitor scans",
    "best_ssim": "step of the highest SSIM on the monitor scans",
}
"""Which weights of a training are kept."""
BATCHES = {"mixed": "any scans of one matrix", "scan": "one scan"}
"""Where the slices of a batch are from."""


def by_architecture(values: Mapping[str, str]) -> str:
    """Return one text for all architectures: the value if they share it, else each with its name.

    Args:
        values: architecture -> text.
    """
    different = list(dict.fromkeys(values.values()))
    if len(different) < 2:
        return "".join(different)
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def of_each(train: Mapping[str, TrainParams], key: str) -> str:
    """Return one parameter of all architectures as `by_architecture`."""
    return by_architecture({name: plain(getattr(params, key)) for name, params in train.items()})


def plain(value: Any) -> str:
    """Return a number or text; None as `none`, lists and mappings as entries behind commas."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {plain(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(plain(each) for each in value)
    return str(value)


def losses(params: TrainParams) -> str:
    """Return DIRECT's names of the losses with their weights, e.g. `l1_loss + 0.5 ssim_loss`."""
    parts = [
        name if weight == 1 else f"{plain(weight)} {name}" for name, weight in params.losses.items()
    ]
    return " + ".join(parts)


def schedule(params: TrainParams) -> str:
    """Return how the learning rate changes, e.g. `cosine decay after 13 steps of warm-up`."""
    chosen = params.schedule
    kind = {
        "cosine": "cosine decay",
        "multistep": f"factor {chosen.decay_factor:g} every {chosen.decay_steps:,} steps",
        "cyclic": f"cosine decay in each of {chosen.cycles} cycles",
    }[chosen.kind]
    warm_up = f"after {chosen.warmup_steps:,} steps of warm-up" if chosen.warmup_steps else ""
    return f"{kind} {warm_up}".strip()


def optimiser(params: TrainParams) -> str:
    """Return the optimiser with its settings, e.g. `Adam, betas 0.9, 0.99, weight decay 0`."""
    return f"Adam, betas {plain(params.betas)}, weight decay {plain(params.weight_decay)}"


def network(params: TrainParams) -> str:
    """Return the arguments of the network that are not DIRECT's defaults."""
    return plain(params.network) or "DIRECT's defaults"


def sensitivity_network(params: TrainParams) -> str:
    """Return the arguments of the network that refines the coil sensitivities, or `none`."""
    if params.sensitivity_network is None:
        return "none"
    return f"U-Net, {plain(params.sensitivity_network) or 'default size'}"
