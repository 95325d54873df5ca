"""Every network of DIRECT's zoo that reconstructs single slices: one step of training, one image.

All of them pad for themselves, so that no matrix has to be a multiple of anything.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from stages.kspace.masks import SamplingMask
from stages.recon.inference import learned
from stages.recon.networks import (
    NetworkOptions,
    backward,
    build_engine,
    known_models,
    modules_of,
    parameters_of,
    set_training,
)
from stages.recon.physics import DeviceMask, make_batch
from tests.recon.conftest import CPU, direct_in_float64, doubled, nudged_kspace
from tests.scans import toy_kspace
from tests.tolerances import assert_not_farther

EVEN, ODD = (24, 20), (25, 19)  # (n_ky, n_kz)
N_COILS = 3
UNET = {"num_filters": 4, "num_pool_layers": 2}
MEDL = {"iterations": 2, "num_layers": 2, "unet_num_filters": 4, "unet_num_pool_layers": 2}
VIT = {
    "embedding_dim": 4,
    "depth": 1,
    "num_heads": 4,
    "average_size": [24, 20],
    "patch_size": [4, 4],
}
INITIALIZER = {"initializer_channels": [4, 4], "initializer_dilations": [1, 2]}


def unet(part: str) -> dict[str, int]:
    return {f"{part}_unet_num_filters": 4, f"{part}_unet_num_pool_layers": 2}


def mwcnn(part: str) -> dict[str, int]:
    return {f"{part}mwcnn_hidden_channels": 8, f"{part}mwcnn_num_scales": 2}


TINY: dict[str, dict[str, Any]] = {
    "cirim.cirim.CIRIM": {"time_steps": 2, "recurrent_hidden_channels": 4, "num_cascades": 2},
    "conjgradnet.conjgradnet.ConjGradNet": {
        "num_steps": 2,
        "cg_iters": 3,
        "resnet_hidden_channels": 4,
        "resnet_num_blocks": 1,
    },
    "iterdualnet.iterdualnet.IterDualNet": {"num_iter": 2, **unet("image"), **unet("kspace")},
    "jointicnet.jointicnet.JointICNet": {
        "num_iter": 2,
        **unet("image"),
        **unet("kspace"),
        **unet("sens"),
    },
    "kikinet.kikinet.KIKINet": {"num_iter": 2, **mwcnn("image_"), **unet("kspace")},
    "lpd.lpd.LPDNet": {
        "num_iter": 2,
        "num_primal": 2,
        "num_dual": 2,
        **mwcnn("primal_"),
        "dual_didn_hidden_channels": 4,
        "dual_didn_num_dubs": 1,
        "dual_didn_num_convs_recon": 2,
    },
    "medl.medl.MEDL": MEDL,
    "medl.medl.MEDL2D": MEDL,
    "multidomainnet.multidomainnet.MultiDomainNet": UNET,
    "recurrentvarnet.recurrentvarnet.RecurrentVarNet": {
        "num_steps": 2,
        "recurrent_hidden_channels": 4,
        "recurrent_num_layers": 2,
        **INITIALIZER,
    },
    "rim.rim.RIM": {"hidden_channels": 8, "length": 2, "image_initialization": "SENSE"},
    "transformers.transformers.ImageDomainMRIUFormer": {
        "patch_size": 32,
        "embedding_dim": 4,
        "encoder_depths": [1, 1],
        "encoder_num_heads": [1, 2],
        "bottleneck_depth": 1,
        "bottleneck_num_heads": 2,
        "win_size": 4,
        "drop_path_rate": 0.0,
    },
    "transformers.transformers.ImageDomainMRIViT2D": VIT,
    "transformers.transformers.KSpaceDomainMRIViT2D": VIT,
    "unet.unet_2d.Unet2d": {**UNET, "image_initialization": "SENSE"},
    "varnet.varnet.EndToEndVarNet": {
        "num_layers": 2,
        "regularizer_num_filters": 4,
        "regularizer_num_pull_layers": 2,
    },
    "varsplitnet.varsplitnet.MRIVarSplitNet": {
        "num_steps_reg": 2,
        "num_steps_dc": 2,
        **unet("image"),
    },
    "vsharp.vsharp.VSharpNet": {
        "num_steps": 2,
        "num_steps_dc_gd": 2,
        "auxiliary_steps": -1,
        **INITIALIZER,
        **unet("image"),
    },
    "xpdnet.xpdnet.XPDNet": {
        "num_iter": 2,
        "num_primal": 2,
        "use_primal_only": False,
        "dual_conv_hidden_channels": 4,
        "dual_conv_n_convs": 2,
        **mwcnn(""),
    },
}

# Parameters that cannot learn at the first step.
IDLE = {
    "cirim.cirim.CIRIM": {"dc_weight"},  # never used
    "recurrentvarnet.recurrentvarnet.RecurrentVarNet": {"block_list.0.learning_rate"},
    "varnet.varnet.EndToEndVarNet": {"layers_list.0.learning_rate"},  # starts at the measurement
}
SEED = 1  # narrow networks of ReLUs are born dead with some others (an MWCNN ends in one)

MODULATED = {"conv_modulation": "FULL", "fc_hidden_features": [4]}
VARIANTS = [
    ("cirim.cirim.CIRIM", {"no_parameter_sharing": False}),
    ("conjgradnet.conjgradnet.ConjGradNet", {"denoiser_architecture": "CONV", "conv_n_convs": 2}),
    ("iterdualnet.iterdualnet.IterDualNet", {"image_normunet": True, "kspace_normunet": True}),
    ("iterdualnet.iterdualnet.IterDualNet", {"compute_per_coil": False}),
    ("jointicnet.jointicnet.JointICNet", {"use_norm_unet": True}),
    ("kikinet.kikinet.KIKINet", {"image_model_architecture": "NORMUNET", **unet("image")}),
    ("lpd.lpd.LPDNet", {"dual_model_architecture": "CONV"}),
    ("multidomainnet.multidomainnet.MultiDomainNet", {"standardization": False}),
    ("recurrentvarnet.recurrentvarnet.RecurrentVarNet", {"normalized": True}),
    ("rim.rim.RIM", {"scale_loglikelihood": 1.0, "steps": 2}),
    ("transformers.transformers.KSpaceDomainMRIViT2D", {"compute_per_coil": False}),
    ("unet.unet_2d.Unet2d", {"normalized": True, "skip_connection": True}),
    ("varnet.varnet.EndToEndVarNet", {"aux_in_features": 2, **MODULATED}),
    (
        "varsplitnet.varsplitnet.MRIVarSplitNet",
        {"kspace_model_architecture": "unet", **unet("kspace")},
    ),
    ("vsharp.vsharp.VSharpNet", {"image_model_architecture": "NORMUNET"}),
    ("xpdnet.xpdnet.XPDNet", {"use_primal_only": True}),
]


@pytest.fixture(autouse=True)
def deterministic() -> Iterator[None]:
    """Refuse kernels that are not deterministic, as the doors do on a CPU."""
    torch.set_deterministic_debug_mode("error")
    yield
    torch.set_deterministic_debug_mode("default")


def options(model: str, precision: str = "float32") -> NetworkOptions:
    losses = {"l1_loss": 1.0, "ssim_loss": 1.0}
    return NetworkOptions(model, TINY[model], None, losses, precision)


def toy_slices(matrix: tuple[int, int]) -> tuple[torch.Tensor, DeviceMask]:
    """Return two slices and their mask: random positions around a fully sampled centre."""
    kspace = torch.from_numpy(toy_kspace((2, *matrix), N_COILS))
    y, z = np.indices(matrix)
    calibration = (abs(y - matrix[0] // 2) < 4) & (abs(z - matrix[1] // 2) < 4)
    sampling = calibration | (np.random.default_rng(0).random(matrix) < 0.4)
    drawn = SamplingMask.of(sampling, calibration, n_acquired=matrix[1])
    return kspace, DeviceMask.of(drawn, torch.device("cpu"))


def untrained(engine: Any) -> set[str]:
    """Return the parameters without a gradient, or with one that is zero everywhere."""
    named = [item for module in modules_of(engine).values() for item in module.named_parameters()]
    return {name for name, value in named if value.grad is None or not value.grad.any()}


def test_the_zoo_is_what_is_tested_here() -> None:
    assert set(known_models()) == set(TINY)


@pytest.mark.kernels
@pytest.mark.parametrize("matrix", [EVEN, ODD])
@pytest.mark.parametrize("model", TINY)
def test_one_step_and_one_image(model: str, matrix: tuple[int, int]) -> None:
    kspace, mask = toy_slices(matrix)
    engine = build_engine(options(model), CPU, seed=SEED)
    set_training(engine, True)
    loss = backward(engine, make_batch(kspace, mask), engine.build_loss())
    assert np.isfinite(loss)
    gradients = [p.grad for p in parameters_of(engine) if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert untrained(engine) == IDLE.get(model, set())
    set_training(engine, False)
    with torch.no_grad():
        image, louder = (learned(engine)(gain * kspace, mask) for gain in (1, 1024))
        alone = learned(engine)(kspace[1:], mask)[0]
        near = [learned(engine)(copy, mask)[1] for copy in nudged_kspace(kspace)]
    assert image.shape == (2, *matrix)
    assert torch.isfinite(image).all()
    assert image.max() > 0
    assert torch.equal(louder, 1024 * image)  # a power of two changes no rounding
    exact = doubled(engine, options(model))
    set_training(exact, False)
    with direct_in_float64(), torch.no_grad():
        truth = learned(exact)(kspace.to(torch.complex128), mask)[1]
    assert truth.dtype == torch.float64
    assert_not_farther(alone, [image[1], *near], truth)


@pytest.mark.parametrize(("model", "changes"), VARIANTS)
def test_other_arguments_of_the_same_networks(model: str, changes: dict[str, Any]) -> None:
    kspace, mask = toy_slices(ODD)
    chosen = replace(options(model), network={**TINY[model], **changes})
    engine = build_engine(chosen, CPU, seed=SEED)
    set_training(engine, True)
    assert np.isfinite(backward(engine, make_batch(kspace, mask), engine.build_loss()))
    assert all(torch.isfinite(p.grad).all() for p in parameters_of(engine) if p.grad is not None)
    set_training(engine, False)
    with torch.inference_mode():
        image = learned(engine)(kspace, mask)
    assert image.shape == (2, *ODD)
    assert torch.isfinite(image).all()
    assert image.max() > 0


@pytest.mark.parametrize("model", TINY)
def test_bfloat16_suits_every_network(model: str) -> None:
    kspace, mask = toy_slices(EVEN)
    engine = build_engine(options(model, "bfloat16"), CPU, seed=SEED)
    set_training(engine, True)
    assert np.isfinite(backward(engine, make_batch(kspace, mask), engine.build_loss()))
    for parameter in parameters_of(engine):
        assert parameter.dtype == torch.float32
        assert parameter.grad is None or torch.isfinite(parameter.grad).all()
    set_training(engine, False)
    with torch.inference_mode():
        image = learned(engine)(kspace, mask)
    assert image.dtype == torch.float32
    assert torch.isfinite(image).all()


def test_a_blank_slice_stays_blank() -> None:
    kspace, mask = toy_slices(EVEN)
    kspace[0] = 0
    engine = build_engine(options("jointicnet.jointicnet.JointICNet"), CPU, seed=SEED)
    set_training(engine, False)
    with torch.inference_mode():
        image = learned(engine)(kspace, mask)
    assert not image[0].any()
    assert image[1].any()
