"""DIRECT's networks by name, each inside DIRECT's own engine (forward functions and losses).

A name is what DIRECT calls `model_name`: the path below `direct.nn`, e.g. `varnet.varnet.
EndToEndVarNet`. Every network of the zoo that reconstructs single slices is one configuration away;
its keyword arguments are checked against DIRECT's configuration class of the same name.
"""

import pkgutil
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import direct.nn
import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.machine.address_space import expect_room
from stages.params.train import TrainParams
from stages.recon.learned.engine import Engine, Loss, Losses
from stages.recon.learned.padding import replace_padding
from stages.recon.learned.recurrent import replace_cells
from stages.recon.physics import Batch
from stages.study.errors import StudyError

NOT_NETWORK = ("model_name", "engine_name")  # keys of DIRECT's configuration that name classes
SENSITIVITY_MODEL = "unet.unet_2d.UnetModel2d"  # refines coil sensitivities, coil by coil
SENSITIVITY_KEY = "sensitivity_model"  # under this name DIRECT's engines look for it
VOLUMETRIC = re.compile("3d", re.IGNORECASE)  # in the names of DIRECT's networks for whole volumes
RESCALING = "normalize"  # DIRECT's argument that divides by the square of the scale of a slice
ENGINES = "stages.recon.learned.direct_engines"  # loaded when a network is built
LAST_LIBRARY = "SimpleITK"  # of those that DIRECT loads with its first network
LIBRARY_BYTES = 450 << 20  # of address space: 273 MB of SimpleITK, 129 MB of scipy's OpenBLAS
REDUCED = "bfloat16"  # the precision that is not torch's default

Operators = dict[str, Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]]
"""Fourier transforms along two axes by the names of DIRECT's arguments."""


@dataclass(frozen=True)
class NetworkOptions:
    """Which network to build and what to train it on."""

    model: str
    network: dict[str, Any]
    sensitivity_network: dict[str, Any] | None
    losses: dict[str, float]
    precision: str  # float32 | bfloat16


def network_options(params: TrainParams) -> NetworkOptions:
    """Return the part of the parameters that says how networks and losses are computed."""
    return NetworkOptions(
        model=params.model,
        network=params.network,
        sensitivity_network=params.sensitivity_network,
        losses=params.losses,
        precision=params.precision,
    )


def build_engine(options: NetworkOptions, device: torch.device, seed: int) -> Engine:
    """Return DIRECT's engine around freshly initialised networks, on the device.

    The weights depend on the options and the seed only; torch's global state is left as it was.
    The engine keeps the precision of the options (`engine.precision`); weights are float32 in any.

    Raises:
        StudyError: if DIRECT has no such network for single slices, or the network no such argument
            or value.
    """
    operators = fourier_operators()
    configuration = network_configuration(options.model, options.network)
    kind = _engine_class(options.model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build(options.model, configuration, operators)
        extra = {}
        if options.sensitivity_network is not None:
            extra[SENSITIVITY_KEY] = sensitivity_network(options.sensitivity_network)
    replace_padding(network)
    replace_cells(network)
    interrupt = signal.getsignal(signal.SIGINT)
    engine = kind(
        _engine_configuration(configuration, options.losses),
        network.to(device),
        str(device),
        **operators,
        **{name: module.to(device) for name, module in extra.items()},
    )
    signal.signal(signal.SIGINT, interrupt)  # the engine had taken Ctrl-C for its own loop
    engine.ndim = 2
    engine.precision = options.precision
    # DIRECT opens a region of its own around the networks, which would end one of ours on CUDA. Its
    # data type is then that of ours, and bfloat16 needs no scaled losses, so the scaler stays off.
    engine.mixed_precision = device.type == "cuda" and options.precision == REDUCED
    return engine


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Return the context in which networks compute at a precision, float32 or bfloat16.

    Convolutions and matrix products of float32 weights run in bfloat16, everything else in the
    type of what it is given.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == REDUCED)


def modules_of(engine: Engine) -> dict[str, torch.nn.Module]:
    """Return every network of an engine under the name that DIRECT's checkpoints use."""
    return {"model": engine.model, **engine.models}


def parameters_of(engine: Engine) -> list[torch.nn.Parameter]:
    """Return all trainable parameters of an engine."""
    return [p for module in modules_of(engine).values() for p in module.parameters()]


def set_training(engine: Engine, training: bool) -> None:
    """Switch every network of an engine between training and evaluation."""
    for module in modules_of(engine).values():
        module.train(training)


# Each engine of the zoo runs its networks and sums its losses in its own way (RIM over its time
# steps, CIRIM over its cascades), always in `_do_iteration`: the one entry point that they share.


def backward(engine: Engine, batch: Batch, losses: Losses) -> float:
    """Run DIRECT's iteration on a batch: forward, losses, gradients; return the loss.

    Losses are float32 at any precision: SSIM takes differences of nearly equal numbers.
    """
    device = torch.device(engine.device)
    if engine.precision == REDUCED:
        losses = {name: _in_float32(loss, device) for name, loss in losses.items()}
    with autocast(engine.precision, device):
        output = engine._do_iteration(_described(batch), losses)
    return float(sum(output.data_dict.values()))


def output_image(engine: Engine, batch: Batch) -> torch.Tensor:
    """Return the modulus image (batch, n_ky, n_kz) of DIRECT's iteration, in the batch's scale."""
    with autocast(engine.precision, torch.device(engine.device)):
        image = engine._do_iteration(_described(batch)).output_image.float()
    if image.ndim == 4:  # (batch, n_ky, n_kz, 2): RIM leaves the modulus to its caller
        image = image.square().sum(-1).sqrt()
    return image


def _described(batch: Batch) -> Batch:
    """Add what DIRECT's modulated networks (`conv_modulation`) adapt to, (batch,) each."""
    masks = (batch["sampling_mask"], batch["acs_mask"])
    sampled, centre = (mask.float().mean((1, 2, 3, 4)) for mask in masks)
    return {**batch, "acceleration": 1 / sampled, "center_fraction": centre}


def network_configuration(model: str, arguments: dict[str, Any]) -> Any:
    """Return DIRECT's configuration of a network with the arguments set, types checked.

    Raises:
        StudyError: one line that names the argument and what is allowed.
    """
    kind = _configuration_class(model)
    allowed = [field.name for field in fields(kind) if field.name not in NOT_NETWORK]
    for key in arguments:
        if key not in allowed:
            raise StudyError(
                f"params.yaml: network of '{model}' has no argument '{key}';"
                f" allowed: {', '.join(allowed)}"
            )
    if arguments.get(RESCALING):
        raise StudyError(
            f"params.yaml: network of '{model}': '{RESCALING}': expected false, because k-space is"
            " scaled before and images would lose their units, got true; leave it out"
        )
    try:
        return OmegaConf.merge(_defaults(kind), {"model_name": model, **arguments})
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"params.yaml: network of '{model}': '{error.full_key}': {reason}"
        ) from None


def sensitivity_network(arguments: dict[str, Any]) -> torch.nn.Module:
    """Return DIRECT's network that refines the sensitivities (a plain U-Net on each coil)."""
    configuration = network_configuration(SENSITIVITY_MODEL, arguments)
    return _build(SENSITIVITY_MODEL, configuration, {})


def known_models() -> list[str]:
    """Return the names of all networks of the installed DIRECT that reconstruct single slices."""
    names = []
    packages = [info.name for info in pkgutil.iter_modules(direct.nn.__path__) if info.ispkg]
    import_module(ENGINES)
    for package in sorted(packages):
        if find_spec(f"direct.nn.{package}.{package}_engine") is not None:
            names += _models_in(package)
    return names


def engine_names(model: str) -> tuple[str, ...]:
    """Return what DIRECT may call the engine of a network, the usual name first.

    DIRECT leaves a 2D out of the name of an engine (`MEDL2D` runs in `MEDLEngine`).
    """
    name = model.split(".")[-1]
    return tuple(dict.fromkeys(f"{stem}Engine" for stem in (name, name.removesuffix("2D"))))


def fourier_operators() -> Operators:
    """Return DIRECT's Fourier operators without shifts (the convention of the files), in float32.

    DIRECT's own take no bfloat16.
    """
    from direct.data.transforms import fft2, ifft2

    return {
        "forward_operator": partial(_transform, fft2),
        "backward_operator": partial(_transform, ifft2),
    }


def _transform(
    transform: Callable[..., torch.Tensor], data: torch.Tensor, dim: tuple[int, int]
) -> torch.Tensor:
    return transform(data.float(), dim=dim, centered=False)


def _in_float32(loss: Loss, device: torch.device) -> Loss:
    """Return one of DIRECT's losses, computed outside of `autocast`."""
    from direct.nn.loss_keys import KeyedLossFn

    def evaluate(output: torch.Tensor, *arguments: torch.Tensor, **options: object) -> torch.Tensor:
        with torch.autocast(device.type, enabled=False):
            return loss(output.float(), *arguments, **options)

    return KeyedLossFn(evaluate, loss.source_key, loss.target_key)


def _build(model: str, configuration: Any, operators: Operators) -> torch.nn.Module:
    from direct.utils import filter_arguments_by_signature

    kind = _class_of(model, f"direct.nn.{_module_of(model)}", model.split(".")[-1])
    arguments = {key: configuration[key] for key in configuration if key != "engine_name"}
    try:
        return kind(**filter_arguments_by_signature(kind, {**arguments, **operators}))
    except (ValueError, NotImplementedError) as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"params.yaml: network of '{model}': {reason}") from None


def _defaults(kind: Any) -> Any:
    """Return a configuration of DIRECT with its defaults.

    DIRECT gives some texts a choice for a default, which OmegaConf spells as Python does
    (`ModelName.UNET`) and DIRECT's networks then refuse.
    """
    defaults = OmegaConf.structured(kind)
    for field in fields(kind):
        if isinstance(field.default, Enum) and not isinstance(defaults[field.name], Enum):
            defaults[field.name] = field.default.value
    return defaults


def _engine_configuration(configuration: Any, losses: dict[str, float]) -> Any:
    # the part of DIRECT's configuration that its engines read during an iteration
    terms = [{"function": name, "multiplier": weight} for name, weight in losses.items()]
    return OmegaConf.create(
        {
            "model": configuration,
            "additional_models": {},
            "training": {"loss": {"crop": None, "losses": terms}},
        }
    )


def _engine_class(model: str) -> Callable[..., Engine]:
    package = model.split(".")[0]
    _expect_room()
    import_module(ENGINES)
    return _class_of(model, f"direct.nn.{package}.{package}_engine", *engine_names(model))


def _configuration_class(model: str) -> Any:
    package, name = model.split(".")[0], model.split(".")[-1]
    if VOLUMETRIC.search(name):
        raise _unknown(model)
    return _class_of(model, f"direct.nn.{package}.config", f"{name}Config")


def _module_of(model: str) -> str:
    return ".".join(model.split(".")[:-1])


def _class_of(model: str, module: str, *names: str) -> Any:
    """Return the first class of a module of DIRECT that exists."""
    _expect_room()
    try:
        found = vars(import_module(module))
    except ModuleNotFoundError:
        raise _unknown(model) from None
    for name in names:
        if name in found:
            return found[name]
    raise _unknown(model)


def _unknown(model: str) -> StudyError:
    known = ", ".join(known_models())
    return StudyError(
        "params.yaml: expected a network of DIRECT that reconstructs single slices,"
        f" got '{model}'; known: {known}"
    )


def _models_in(package: str) -> list[str]:
    configurations = vars(import_module(f"direct.nn.{package}.config"))
    engines = vars(import_module(f"direct.nn.{package}.{package}_engine"))
    found = []
    for info in pkgutil.iter_modules(import_module(f"direct.nn.{package}").__path__):
        module = import_module(f"direct.nn.{package}.{info.name}")
        found += [
            f"{package}.{info.name}.{name}"
            for name, kind in vars(module).items()
            if getattr(kind, "__module__", "") == module.__name__
            and f"{name}Config" in configurations
            and not VOLUMETRIC.search(name)
            and any(engine in engines for engine in engine_names(name))
        ]
    return found


def _expect_room() -> None:
    if LAST_LIBRARY not in sys.modules:
        expect_room(LIBRARY_BYTES, "the libraries of DIRECT")
