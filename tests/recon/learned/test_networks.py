"""Networks by name, and one iteration against DIRECT set up by DIRECT itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from direct.config.defaults import DefaultConfig, TrainingConfig
from direct.environment import (
    initialize_models_from_config,
    load_models_into_environment_config,
    setup_engine,
)
from omegaconf import OmegaConf
from torch.utils.data import default_collate

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.params.train import TrainParams
from stages.recon.learned.losses import loss_functions
from stages.recon.learned.networks import (
    NetworkOptions,
    autocast,
    backward,
    build_engine,
    fourier_operators,
    modules_of,
    network_configuration,
    network_options,
    output_image,
    parameters_of,
    set_training,
)
from stages.recon.learned.slices import Slices
from stages.recon.physics import DeviceMask
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.recon.conftest import (
    CPU,
    direct_in_float64,
    doubled,
    nudged_kspace,
    nudged_scans,
    train_params,
)
from tests.recon.test_physics import direct_items
from tests.scans import GRID, N_COILS
from tests.tolerances import assert_not_farther, assert_rounded, fft_operations

DEVICES = [
    CPU,
    pytest.param(
        torch.device("cuda"),
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    ),
]
REFINED = {"num_filters": 4, "num_pool_layers": 2}
CASES = [("unet", None), ("varnet", None), ("varnet", REFINED), ("rim", None), ("rim", REFINED)]


def direct_engine(params: TrainParams) -> Any:
    """Return the engine that DIRECT's own set-up makes of a configuration file."""
    content = {
        "model": {"model_name": params.model, **params.network},
        "additional_models": {},
        "training": {
            "loss": {"losses": [{"function": f, "multiplier": m} for f, m in params.losses.items()]}
        },
    }
    if params.sensitivity_network is not None:
        content["additional_models"]["sensitivity_model"] = {
            "model_name": "unet.unet_2d.UnetModel2d",
            **params.sensitivity_network,
        }
    content = OmegaConf.create(content)
    models, configurations = load_models_into_environment_config(content)
    base = OmegaConf.structured(DefaultConfig)
    base.model = configurations.model
    base.training = OmegaConf.merge(OmegaConf.structured(TrainingConfig), content.training)
    extra = {key: value for key, value in configurations.items() if key != "model"}
    base.additional_models = extra
    operators = fourier_operators()
    network, others = initialize_models_from_config(base, models, *operators.values(), "cpu")
    engine = setup_engine(base, "cpu", network, others, *operators.values())
    engine.ndim = 2
    return engine


Iteration = tuple[float, list[torch.Tensor]]  # a loss and the gradients of all parameters


def direct_iteration(
    params: TrainParams, weights: dict[str, dict], scan: Scan, drawn: SamplingMask
) -> Iteration:
    """Return what DIRECT's own iteration gives for three slices, in torch's default precision."""
    engine = direct_engine(params)
    for name, module in modules_of(engine).items():
        module.to(torch.get_default_dtype()).load_state_dict(weights[name])
    set_training(engine, True)
    items = direct_items(scan, drawn, padding_eps=0.001)[1:4]
    batch = default_collate([{k: v for k, v in i.items() if k != "filename"} for i in items])
    loss = sum(engine._do_iteration(batch, engine.build_loss()).data_dict.values())
    return float(loss), [p.grad for p in parameters_of(engine)]


@pytest.mark.kernels
@pytest.mark.parametrize(("architecture", "refined"), CASES)
def test_one_iteration_equals_directs(
    architecture: str,
    refined: dict | None,
    scan: Scan,
    drawn: SamplingMask,
    slices: Slices,
    tmp_path: Path,
) -> None:
    params = train_params(architecture, sensitivity_network=refined)
    ours = build_engine(network_options(params), CPU, seed=3)
    weights = {name: module.state_dict() for name, module in modules_of(ours).items()}
    set_training(ours, True)
    our_loss = backward(ours, slices.batch([1, 2, 3], CPU), loss_functions(ours))
    gradients = [p.grad for p in parameters_of(ours)]
    theirs = [
        direct_iteration(params, weights, one, drawn)
        for one in (scan, *nudged_scans(scan, tmp_path))
    ]
    with direct_in_float64():
        loss, truth = direct_iteration(params, weights, scan, drawn)
    assert all(gradient.dtype == torch.float64 for gradient in truth)
    assert_not_farther(our_loss, [one[0] for one in theirs], loss)
    assert_not_farther(joined(gradients), [joined(one[1]) for one in theirs], joined(truth))
    # of a hundred parameters, many of a few values, one is farther by chance
    for number, (mine, expected) in enumerate(zip(gradients, truth, strict=True)):
        assert_not_farther(mine, [one[1][number] for one in theirs], expected, factor=16)


def joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """Return all values one after the other."""
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
def test_evaluation_gives_one_modulus_image(architecture: str, slices: Slices) -> None:
    engine = build_engine(network_options(train_params(architecture)), CPU, seed=0)
    set_training(engine, False)
    batch = slices.batch([0, 1], CPU)
    with torch.no_grad():
        image = output_image(engine, batch)
    assert image.shape == batch["target"].shape
    assert (image >= 0).all()
    assert image.max() > 0


@pytest.mark.kernels
def test_rim_ends_where_its_training_mode_ends(slices: Slices) -> None:
    options = network_options(train_params("rim"))
    engine = build_engine(options, CPU, seed=0)

    def image(engine: Any, kspace: torch.Tensor, *, training: bool) -> torch.Tensor:
        set_training(engine, training)
        batch = Slices(kspace, slices.mask).batch([2], CPU)
        with torch.set_grad_enabled(training):
            return engine.model(input_image=None, **batch)[0][-1].detach()

    with direct_in_float64():
        exact = doubled(engine, options)
        truth = image(exact, slices.kspace.to(torch.complex128), training=True)
    near = [slices.kspace, *nudged_kspace(slices.kspace)]
    trained = [image(engine, kspace, training=True) for kspace in near]
    assert_not_farther(image(engine, slices.kspace, training=False), trained, truth)


def test_weights_depend_on_the_seed_alone() -> None:
    options = network_options(train_params("unet"))
    torch.manual_seed(1)
    one = parameters_of(build_engine(options, CPU, seed=5))
    after = torch.rand(1)
    torch.manual_seed(2)
    same = parameters_of(build_engine(options, CPU, seed=5))
    other = parameters_of(build_engine(options, CPU, seed=6))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)  # torch's own state was left alone


def test_the_unet_starts_from_the_sense_image(slices: Slices) -> None:
    batch = slices.batch([2], CPU)
    options = network_options(train_params("unet"))
    engine = build_engine(options, CPU, seed=0)
    start = engine.model.compute_sense_init(batch["masked_kspace"], batch["sensitivity_map"])
    seen = []
    engine.model.unet.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    backward(engine, batch, engine.build_loss())
    n_operations = fft_operations(*GRID[1:]) + 2 * N_COILS
    assert_rounded(seen[0], start.permute(0, 3, 1, 2), n_operations)


@pytest.mark.parametrize(
    "name",
    [
        "unet.unet_2d.Unet5d",
        "nothing.at.All",
        "unet",
        "vsharp.vsharp.VSharpNet3D",
        "medl.medl.MEDL3D",
        "unet.unet_3d.UnetModel3d",
        "unet.unet_2d.UnetModel2d",
        "registration.registration.UnetRegistration2dModel",
        "vsharp.vsharp.VSharpNetSSL",
    ],
)
def test_a_network_that_does_not_reconstruct_single_slices(name: str) -> None:
    options = NetworkOptions(name, {}, None, {"l1_loss": 1.0}, "float32")
    with pytest.raises(
        StudyError, match=f"single slices, got '{name}'; known: .*varnet.varnet.EndToEndVarNet"
    ):
        build_engine(options, CPU, seed=0)


def test_an_argument_that_the_network_does_not_have() -> None:
    with pytest.raises(StudyError, match=r"no argument 'num_layer'; allowed: num_layers, regul"):
        network_configuration("varnet.varnet.EndToEndVarNet", {"num_layer": 2})


@pytest.mark.parametrize(
    "arguments", [{"num_layers": "many"}, {"num_layers": None}, {"num_layers": 2.5}]
)
def test_an_argument_of_the_wrong_type(arguments: dict) -> None:
    with pytest.raises(StudyError, match=r"params\.yaml: network of 'varnet.*num_layers"):
        network_configuration("varnet.varnet.EndToEndVarNet", arguments)


def test_a_value_that_the_network_refuses() -> None:
    options = NetworkOptions("vsharp.vsharp.VSharpNet", {}, None, {"l1_loss": 1.0}, "float32")
    with pytest.raises(StudyError, match="network of 'vsharp.vsharp.VSharpNet'.*auxiliary steps"):
        build_engine(options, CPU, seed=0)


@pytest.mark.parametrize("model", ["xpdnet.xpdnet.XPDNet", "kikinet.kikinet.KIKINet"])
def test_a_second_scaling(model: str) -> None:
    with pytest.raises(StudyError, match="'normalize': expected false.*units"):
        network_configuration(model, {"normalize": True})


def test_defaults_are_spelled_as_the_networks_expect() -> None:
    configuration = network_configuration("varsplitnet.varsplitnet.MRIVarSplitNet", {})
    assert configuration.image_model_architecture == "unet"
    assert configuration.image_conv_activation == "relu"


def test_an_initialisation_that_does_not_exist() -> None:
    with pytest.raises(StudyError, match="SENSE"):
        network_configuration("rim.rim.RIM", {"image_initialization": "sense "})


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("architecture", "bound"), [("unet", 0.03), ("varnet", 0.03), ("rim", 0.01)]
)
def test_bfloat16_stays_close(
    architecture: str,
    bound: float,
    device: torch.device,
    drawn: SamplingMask,
    slices: Slices,
) -> None:
    slices = Slices(slices.kspace, DeviceMask.of(drawn, device))
    images, gradients = [], []
    for precision in ("float32", "bfloat16"):
        params = train_params(architecture, precision=precision)
        engine = build_engine(network_options(params), device, seed=3)
        set_training(engine, True)
        backward(engine, slices.batch([1, 2, 3], device), engine.build_loss())
        gradients.append(torch.cat([p.grad.flatten() for p in parameters_of(engine)]))
        assert all(p.dtype == torch.float32 for p in parameters_of(engine))
        set_training(engine, False)
        with torch.no_grad():
            images.append(output_image(engine, slices.batch([1, 2, 3], device)))
    full, reduced = images
    assert reduced.dtype == torch.float32
    assert 0 < (reduced - full).norm() < bound * full.norm()
    assert torch.isfinite(gradients[1]).all()


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
def test_directs_own_region_on_cuda_keeps_bfloat16(
    architecture: str, slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the state of CUDA's regions can be followed without a GPU, where nothing is computed in them
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)
    engine = build_engine(network_options(train_params(architecture)), CPU, seed=0)
    engine.mixed_precision = True
    set_training(engine, False)
    seen = []
    engine.model.register_forward_pre_hook(
        lambda *_: seen.append(
            (torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda"))
        )
    )
    with torch.no_grad(), autocast("bfloat16", torch.device("cuda")):
        engine._do_iteration(slices.batch([1], CPU))
    assert set(seen) == {(True, torch.bfloat16)}


@pytest.mark.parametrize("architecture", ["unet", "varnet", "rim"])
def test_physics_and_losses_stay_float32(
    architecture: str, slices: Slices, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = train_params(architecture, precision="bfloat16")
    engine = build_engine(network_options(params), CPU, seed=3)
    set_training(engine, True)
    transformed, convolved, judged = [], [], []
    for name in ("fftn", "ifftn"):
        monkeypatch.setattr(torch.fft, name, recorded(getattr(torch.fft, name), transformed))
    for module in engine.model.modules():
        if any(p.ndim == 4 for p in module.parameters(recurse=False)):  # a convolution
            module.register_forward_hook(lambda _, inputs, output: convolved.append(output.dtype))
    losses = loss_functions(engine)
    for loss in losses.values():
        loss.fn = recorded(loss.fn, judged)
    backward(engine, slices.batch([1, 2], CPU), losses)
    assert set(transformed) == {torch.complex64}
    assert torch.bfloat16 in convolved  # float32 where a bias is added afterwards
    assert set(judged) == {torch.float32}


def recorded(function: Any, kinds: list[torch.dtype]) -> Any:
    """Return a function that notes the type of its first argument."""

    def call(values: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        kinds.append(values.dtype)
        return function(values, *arguments, **options)

    return call


def test_engines_come_without_torchvision_until_they_draw() -> None:
    code = (
        "import sys, torch; from stages.recon.learned.networks import _engine_class, known_models;"
        "[_engine_class(name) for name in known_models()]; import direct.engine;"
        "assert 'torchvision' not in sys.modules;"
        "print(*direct.engine.make_grid(torch.zeros(4, 1, 2, 2), nrow=2, padding=0).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["3", "4", "4"], done.stderr
