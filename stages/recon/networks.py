"""DIRECT's networks by name, each inside DIRECT's own engine (forward functions and losses).

A name is what DIRECT calls `model_name`: the path below `direct.nn`, e.g. `varnet.varnet.
EndToEndVarNet`. Every architecture of the zoo is one configuration away; its keyword arguments are
checked against DIRECT's configuration class of the same name.
"""

import pkgutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import direct.nn
import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.errors import StudyError
from stages.params.train import TrainParams

NOT_NETWORK = ("model_name", "engine_name")  # keys of DIRECT's configuration that name classes
SENSITIVITY_MODEL = "unet.unet_2d.UnetModel2d"  # refines coil sensitivities, coil by coil
SENSITIVITY_KEY = "sensitivity_model"  # under this name DIRECT's engines look for it


@dataclass(frozen=True)
class NetworkOptions:
    """Which network to build and what to train it on."""

    model: str
    network: dict[str, Any]
    sensitivity_network: dict[str, Any] | None
    losses: dict[str, float]


def network_options(params: TrainParams) -> NetworkOptions:
    """Return the part of the parameters that describes the networks and their losses."""
    return NetworkOptions(
        model=params.model,
        network=params.network,
        sensitivity_network=params.sensitivity_network,
        losses=params.losses,
    )


def build_engine(options: NetworkOptions, device: torch.device, seed: int) -> Any:
    """Return DIRECT's engine around freshly initialised networks, on the device.

    The weights depend on the options and the seed only; torch's global state is left as it was.

    Raises:
        StudyError: if DIRECT has no such network or the network no such argument.
    """
    operators = fourier_operators()
    configuration = network_configuration(options.model, options.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _build(options.model, configuration, operators)
        extra = {}
        if options.sensitivity_network is not None:
            extra[SENSITIVITY_KEY] = sensitivity_network(options.sensitivity_network)
    interrupt = signal.getsignal(signal.SIGINT)
    engine = _engine_class(options.model)(
        _engine_configuration(configuration, options.losses),
        network.to(device),
        str(device),
        **operators,
        **{name: module.to(device) for name, module in extra.items()},
    )
    signal.signal(signal.SIGINT, interrupt)  # the engine had taken Ctrl-C for its own loop
    engine.ndim = 2
    return engine


def modules_of(engine: Any) -> dict[str, torch.nn.Module]:
    """Return every network of an engine under the name that DIRECT's checkpoints use."""
    return {"model": engine.model, **engine.models}


def parameters_of(engine: Any) -> list[torch.nn.Parameter]:
    """Return all trainable parameters of an engine."""
    return [p for module in modules_of(engine).values() for p in module.parameters()]


def set_training(engine: Any, training: bool) -> None:
    """Switch every network of an engine between training and evaluation."""
    for module in modules_of(engine).values():
        module.train(training)


# Each engine of the zoo runs its networks and sums its losses in its own way (RIM over its time
# steps, CIRIM over its cascades), always in `_do_iteration`: the one entry point that they share.


def backward(engine: Any, batch: dict[str, torch.Tensor], losses: Any) -> float:
    """Run DIRECT's iteration on a batch: forward, losses, gradients; return the loss."""
    output = engine._do_iteration(batch, losses)
    return float(sum(output.data_dict.values()))


def output_image(engine: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the modulus image (batch, n_ky, n_kz) of DIRECT's iteration, in the batch's scale."""
    image = engine._do_iteration(batch).output_image
    if image.ndim == 4:  # (batch, n_ky, n_kz, 2): RIM leaves the modulus to its caller
        image = image.square().sum(-1).sqrt()
    return image


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
    try:
        return OmegaConf.merge(OmegaConf.structured(kind), {"model_name": model, **arguments})
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
    """Return the names of all networks of the installed DIRECT that have an engine."""
    names = []
    packages = [info.name for info in pkgutil.iter_modules(direct.nn.__path__) if info.ispkg]
    for package in sorted(packages):
        if find_spec(f"direct.nn.{package}.{package}_engine") is not None:
            names += _models_in(package)
    return names


def fourier_operators() -> dict[str, Any]:
    """Return DIRECT's Fourier operators without shifts: the convention of the files."""
    from direct.data.transforms import fft2, ifft2

    return {
        "forward_operator": partial(fft2, centered=False),
        "backward_operator": partial(ifft2, centered=False),
    }


def _build(model: str, configuration: Any, operators: dict[str, Any]) -> torch.nn.Module:
    from direct.utils import filter_arguments_by_signature

    kind = _class_of(model, f"direct.nn.{_module_of(model)}", model.split(".")[-1])
    arguments = {key: configuration[key] for key in configuration if key != "engine_name"}
    return kind(**filter_arguments_by_signature(kind, {**arguments, **operators}))


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


def _engine_class(model: str) -> Any:
    # heavy (scikit-learn, tensorboard): only stages that run a network pay for it
    package, name = model.split(".")[0], model.split(".")[-1]
    with _torchvision_on_demand():
        return _class_of(model, f"direct.nn.{package}.{package}_engine", f"{name}Engine")


@contextmanager
def _torchvision_on_demand() -> Iterator[None]:
    """Let DIRECT's engines be imported without torchvision, half of their start-up time.

    They need it for the pictures of DIRECT's own training loop alone (`make_grid`), which still
    finds it.
    """

    def make_grid(*arguments: Any, **options: Any) -> torch.Tensor:
        return import_module("torchvision.utils").make_grid(*arguments, **options)

    if "torchvision" in sys.modules:
        yield
        return
    names = ("torchvision", "torchvision.utils")
    sys.modules |= {name: ModuleType(name) for name in names}
    sys.modules["torchvision.utils"].make_grid = make_grid
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _configuration_class(model: str) -> Any:
    package, name = model.split(".")[0], model.split(".")[-1]
    return _class_of(model, f"direct.nn.{package}.config", f"{name}Config")


def _module_of(model: str) -> str:
    return ".".join(model.split(".")[:-1])


def _class_of(model: str, module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except (ModuleNotFoundError, AttributeError):
        known = ", ".join(known_models())
        raise StudyError(
            f"params.yaml: expected a network of DIRECT, got '{model}'; known: {known}"
        ) from None


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
            and f"{name}Engine" in engines
        ]
    return found
