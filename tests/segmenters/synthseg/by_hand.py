"""SynthSeg's networks in numpy, from Keras' arrays as they lie in a file: the independent pass."""

import numpy as np

Layers = dict[str, list[np.ndarray]]


def convolve(x: np.ndarray, layer: list[np.ndarray]) -> np.ndarray:
    """Cross-correlation of (x, y, z, in) with a kernel (k, k, k, in, out), zeros outside."""
    kernel, bias = (values.astype(x.dtype) for values in layer)
    half = kernel.shape[0] // 2
    wide = np.pad(x, [(half, half)] * 3 + [(0, 0)])
    out = np.zeros((*x.shape[:3], kernel.shape[4]), x.dtype)
    for offset in np.ndindex(kernel.shape[:3]):
        part = tuple(slice(o, o + n) for o, n in zip(offset, x.shape[:3], strict=True))
        out += wide[part] @ kernel[offset]
    return out + bias


def normalise(x: np.ndarray, layer: list[np.ndarray]) -> np.ndarray:
    """Batch normalisation by gamma, beta, moving mean and moving variance."""
    gamma, beta, mean, variance = (values.astype(x.dtype) for values in layer)
    return (x - mean) / np.sqrt(variance + x.dtype.type(1e-3)) * gamma + beta


def pool(x: np.ndarray) -> np.ndarray:
    """Maximum of 2 x 2 x 2 voxels."""
    a, b, c, n = x.shape
    return x.reshape(a // 2, 2, b // 2, 2, c // 2, 2, n).max((1, 3, 5))


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def unet(layers: Layers, prefix: str, x: np.ndarray) -> np.ndarray:
    """Logits (x, y, z, out) of a U-Net of five levels with all skips."""
    kept = []
    for level in range(5):
        x = pool(x) if level else x
        for number in (0, 1):
            x = elu(convolve(x, layers[f"{prefix}_conv_downarm_{level}_{number}"]))
        kept.append(x)
        x = normalise(x, layers[f"{prefix}_bn_down_{level}"])
    for step in range(4):
        x = x.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        x = np.concatenate([kept[3 - step], x], -1)
        for number in (0, 1):
            x = elu(convolve(x, layers[f"{prefix}_conv_uparm_{5 + step}_{number}"]))
        x = normalise(x, layers[f"{prefix}_bn_up_{step}"])
    return convolve(x, layers[f"{prefix}_likelihood"])
