"""Tissues: FreeSurfer labels, relaxation times, proton densities and the T1-weighted signal.

Values hold at 3 T. Proton densities are relative to water, i.e. water contents.
"""

from dataclasses import dataclass
from math import exp

CSF = 24
BRAINSTEM = 16

# Ids of the label maps that SynthSeg was trained on (doi:10.1016/j.media.2023.102789); FreeSurfer
# itself has none for most of these tissues.
EYE = 506
MUSCLE_SKIN = 507
SPINAL_CORD = 512
BONE_AIR = 515
FAT_MARROW = 516

LEFT_TO_RIGHT = {
    2: 41,
    3: 42,
    4: 43,
    5: 44,
    7: 46,
    8: 47,
    10: 49,
    11: 50,
    12: 51,
    13: 52,
    17: 53,
    18: 54,
    26: 58,
    28: 60,
}
"""FreeSurfer id of a structure on the left -> on the right."""

WANSAPURA = "10.1002/(SICI)1522-2586(199904)9:4<531::AID-JMRI4>3.0.CO;2-L"
"""Wansapura 1999, J. Magn. Reson. Imaging 9: grey and white matter at 3 T, T1 1331 and 832 ms."""
GELMAN = "10.1002/1522-2594(200101)45:1<71::AID-MRM1011>3.0.CO;2-2"
"""Gelman 2001, Magn. Reson. Med. 45: deep grey matter at 3 T, R1, iron and water by region."""
ROONEY = "10.1002/mrm.21122"
"""Rooney 2007, Magn. Reson. Med. 57: cerebrospinal fluid, T1 about 4 s at every field strength."""
DE_BAZELAIRE = "10.1148/radiol.2303021331"
"""de Bazelaire 2004, Radiology 230, at 3 T: fat 382, marrow 586, muscle 898 ms.

Fat and marrow share a label, as do muscle and skin: fat with some marrow has 420 ms; 1100 ms of
muscle and skin lie above this source's muscle.
"""
BOJORQUEZ = "10.1016/j.mri.2016.08.021"
"""Bojorquez 2017, Magn. Reson. Imaging 35: review of T1 at 3 T, whose reports differ widely."""


@dataclass(frozen=True)
class Tissue:
    """What the signal of a label depends on."""

    t1_ms: float
    """Longitudinal relaxation time at 3 T; 0 where there is no signal."""
    proton_density: float
    """Relative to water."""
    source: str
    """DOI of the T1, or `assumed`."""
    fresh: float = 0.0
    """Share that flowed in after the inversion pulse; pulsation keeps CSF from being nulled."""


INFLOW = 0.015
"""Assumed: it gives CSF a tenth of white matter's signal, as in measured T1-weighted images."""
FLUID = Tissue(4000, 1.0, ROONEY, INFLOW)

TISSUES = {
    2: Tissue(850, 0.70, WANSAPURA),
    3: Tissue(1380, 0.82, WANSAPURA),
    4: FLUID,
    5: FLUID,
    7: Tissue(900, 0.72, WANSAPURA),
    8: Tissue(1350, 0.82, WANSAPURA),
    10: Tissue(1130, 0.77, GELMAN),
    11: Tissue(1290, 0.82, GELMAN),
    12: Tissue(1210, 0.80, GELMAN),
    13: Tissue(1000, 0.76, GELMAN),
    14: FLUID,
    15: FLUID,
    16: Tissue(980, 0.74, BOJORQUEZ),
    17: Tissue(1330, 0.82, BOJORQUEZ),
    18: Tissue(1340, 0.82, BOJORQUEZ),
    24: FLUID,
    26: Tissue(1300, 0.81, BOJORQUEZ),
    28: Tissue(1080, 0.77, BOJORQUEZ),
    EYE: Tissue(3500, 0.95, BOJORQUEZ),
    MUSCLE_SKIN: Tissue(1100, 0.62, DE_BAZELAIRE),
    BONE_AIR: Tissue(0, 0.0, ""),
    FAT_MARROW: Tissue(420, 0.45, DE_BAZELAIRE),
    SPINAL_CORD: Tissue(980, 0.74, BOJORQUEZ),
}
"""Label id -> tissue; a structure's right-hand id has the tissue of its left-hand one."""
TISSUES |= {right: TISSUES[left] for left, right in LEFT_TO_RIGHT.items()}

INVERSION_MS = 900.0
REPETITION_MS = 2000.0


def t1w_signal(
    t1_ms: float,
    proton_density: float,
    inversion_ms: float = INVERSION_MS,
    repetition_ms: float = REPETITION_MS,
) -> float:
    """Magnitude signal of an inversion-recovery gradient echo, relative to water at rest.

    S = PD |1 - 2 exp(-TI / T1) + exp(-TR / T1)|, ideal inversion and complete spoiling; 0 for
    T1 = 0. Times in ms. Source: Bernstein, King and Zhou 2004, Handbook of MRI Pulse Sequences.
    """
    if t1_ms <= 0:
        return 0.0
    recovery = 1 - 2 * exp(-inversion_ms / t1_ms) + exp(-repetition_ms / t1_ms)
    return proton_density * abs(recovery)


def tissue_signal(
    tissue: Tissue,
    t1_factor: float = 1.0,
    inversion_ms: float = INVERSION_MS,
    repetition_ms: float = REPETITION_MS,
) -> float:
    """T1-weighted signal of a tissue whose T1 is `t1_factor` times the tabulated one.

    S = (1 - f) S(T1, PD) + f PD with the share f of CSF that was never inverted.
    """
    t1_ms = tissue.t1_ms * t1_factor
    inverted = t1w_signal(t1_ms, tissue.proton_density, inversion_ms, repetition_ms)
    return (1 - tissue.fresh) * inverted + tissue.fresh * tissue.proton_density


def relative_signals() -> dict[int, float]:
    """Label id -> T1-weighted signal in units of cerebral white matter's."""
    white_matter = tissue_signal(TISSUES[2])
    return {label: tissue_signal(tissue) / white_matter for label, tissue in TISSUES.items()}
