"""A tiny atlas: an egg of white matter in cortex, with a brainstem, in skin and air."""

import numpy as np
from scipy import ndimage

from stages.params.atlas import AtlasParams, AtlasQualityParams, MixtureParams, RegistrationParams
from stages.segmenters.atlas.probabilities import Atlas

SHAPE = (26, 30, 28)
SIGNALS = (0.0, 0.9, 0.6, 0.3, 0.15)  # air, white matter, cortex, brainstem, skin
REGISTRATION = RegistrationParams(
    shrink=(2, 1),
    histogram_bins=24,
    sampling=0.5,
    affine_iterations=40,
    demons_shrink=(2,),
    demons_iterations=(10,),
    demons_smoothing=1.5,
)
MIXTURE = MixtureParams(
    iterations=8,
    bias_order=1,
    bias_penalty=1e-3,
    prior_variance=1e-3,
    prior_weight=10.0,
    mean_weight=0.0,
    refinements=4,
    mixed=0.5,
    fractions=3,
    stride=1,
)


def atlas_params(
    label_maps: str | None, left_out: tuple[str, ...] = (), folds: int = 4
) -> AtlasParams:
    """Parameters of an atlas without digital heads."""
    return AtlasParams(
        seed=0,
        label_maps=label_maps,
        left_out=left_out,
        n_heads=0,
        voxel_size_mm=2,
        margin_mm=10,
        rounds=1,
        smoothing_mm=1,
        registration=REGISTRATION,
        mixture=MIXTURE,
        quality=AtlasQualityParams(n_phantoms=3, n_noise=2, n_shifts=2, folds=folds),
    )


def tissues(shift: tuple[float, float, float] = (0, 0, 0), scale: float = 1.0) -> np.ndarray:
    """Tissue of every voxel, (x, y, z); no two axes look alike."""
    axes = [(np.arange(n) - n / 2 + 0.5 - s) / scale for n, s in zip(SHAPE, shift, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radius = np.sqrt((x / 8) ** 2 + (y / 10) ** 2 + (z / 7) ** 2)
    result = np.select([radius < 0.65, radius < 1, radius < 1.15], [1, 2, 4], 0)
    result[(x**2 + (y + 4) ** 2 < 6) & (z < -3) & (z > -10)] = 3
    return result


def image(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """T1-weighted image with noise."""
    clean = np.array(SIGNALS)[truth]
    return clean + np.random.default_rng(seed).normal(0, 0.01, truth.shape)


def tiny_atlas() -> Atlas:
    """Probabilities, smoothed."""
    each = np.stack([tissues() == k for k in range(len(SIGNALS))]).astype(np.float32)
    smooth = np.stack([ndimage.gaussian_filter(part, 0.7) for part in each])
    return Atlas(
        probabilities=smooth / smooth.sum(0),
        voxel_size_mm=2.0,
        signals=SIGNALS,
        classes=(0, 1, 2, 3, 4),
        channels=(0, 1, 2, 3, 0),
        labels=(0, 2, 3, 16),
        names=("cerebral white matter", "cerebral cortex", "brain-stem"),
        registration=REGISTRATION,
        mixture=MIXTURE,
    )
