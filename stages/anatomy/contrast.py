"""From labels to the complex image that a receiver with uniform sensitivity would see."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from stages.anatomy.fields import smooth_noise
from stages.anatomy.tissue import CSF, LEFT_TO_RIGHT, TISSUES, Tissue, tissue_signal

FINE_TEXTURE_MM = 1.2
COARSE_TEXTURE_MM = 8.0
BIAS_WIDTH_MM = 45.0
"""Transmit fields at 3 T vary over half a head, their waves interfering: Collins 2005, J. Magn.
Reson. Imaging 21, 192-196."""
EDGE_MM = 0.4
"""Blur of the label edges (standard deviation), the partial volume of the 1 mm voxels."""
PHASE_RAD = ((35.0, 0.70), (14.0, 0.25))
"""Widths (mm) and standard deviations (rad) of the object's smooth phase."""


@dataclass(frozen=True)
class Contrast:
    """Sequence and biological spread of the simulated images (section `phantom`)."""

    inversion_ms: float = 900.0
    repetition_ms: float = 2000.0
    t1_spread: float = 0.02
    """Log-SD of each tissue's T1 between subjects."""
    texture: float = 0.02
    """SD of the signal within a tissue, relative, of a fine and of a coarse texture each."""
    bias_field: float = 0.10
    """Log-SD of the bias field."""
    lesions: Mapping[int, Tissue] = field(default_factory=dict)
    """Label of a lesion -> its tissue, the same in all subjects."""
    fluids: tuple[int, ...] = ()
    """Labels of lesions that hold the subject's CSF."""


def complex_image(labels: np.ndarray, contrast: Contrast, rng: np.random.Generator) -> np.ndarray:
    """Complex T1-weighted image of a label map of 1 mm voxels, complex64 of the same shape.

    Cerebral white matter has a magnitude of about 1. Magnitude = signal x texture x bias field,
    with a smooth phase and a random constant one.
    """
    magnitude = subject_signals(contrast, rng)[labels]
    texture = smooth_noise(labels.shape, FINE_TEXTURE_MM, rng)
    texture += smooth_noise(labels.shape, COARSE_TEXTURE_MM, rng)
    magnitude *= 1 + np.float32(contrast.texture) * texture
    bias = np.float32(contrast.bias_field) * smooth_noise(labels.shape, BIAS_WIDTH_MM, rng)
    magnitude *= np.exp(bias, out=bias)
    magnitude = ndimage.gaussian_filter(magnitude, EDGE_MM)
    return with_phase(magnitude, rng)


def with_phase(magnitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give a float32 magnitude a smooth random phase; complex64."""
    phase = np.full(magnitude.shape, rng.uniform(-np.pi, np.pi), np.float32)
    for width, deviation in PHASE_RAD:
        phase += np.float32(deviation) * smooth_noise(magnitude.shape, width, rng)
    image = np.empty(magnitude.shape, np.complex64)
    np.multiply(magnitude, np.cos(phase), out=image.real)
    np.multiply(magnitude, np.sin(phase), out=image.imag)
    return image


def subject_signals(contrast: Contrast, rng: np.random.Generator) -> np.ndarray:
    """Signal of every label id in units of mean white matter, float32 (highest id + 1,).

    Each tissue's T1 is drawn anew for a subject, the same left and right.
    """
    times = {"inversion_ms": contrast.inversion_ms, "repetition_ms": contrast.repetition_ms}
    white_matter = tissue_signal(TISSUES[2], **times)
    table = np.zeros(max(*TISSUES, *contrast.lesions, *contrast.fluids) + 1, np.float32)
    for label in sorted(set(TISSUES) - set(LEFT_TO_RIGHT.values())):
        factor = float(np.exp(contrast.t1_spread * rng.standard_normal()))
        table[label] = tissue_signal(TISSUES[label], factor, **times) / white_matter
        table[LEFT_TO_RIGHT.get(label, label)] = table[label]
    for label, tissue in contrast.lesions.items():
        table[label] = tissue_signal(tissue, **times) / white_matter
    table[list(contrast.fluids)] = table[CSF]
    return table
