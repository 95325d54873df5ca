"""SynthSeg among the segmenters of the study, and which weight file a name means.

Its words are read without torch: what needs it is imported when weights are opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.segmenters.protocol import NO_WEIGHTS, Chosen, Segmenter, SegmenterKind, Words
from stages.study.errors import StudyError
from stages.study.layout import WEIGHTS
from stages.study.references import Reference

if TYPE_CHECKING:
    import torch

    from stages.segmenters.synthseg.model import Model
    from stages.segmenters.synthseg.posteriors import NetworkSegmenter

EMBEDDED = "embedded"
OFFICIAL = (".h5", ".hdf5")  # suffixes of SynthSeg's own files
FURTHER = ("parcellation", "quality")  # keys of section `segment`: files of other networks
TOLD = {"parcellation": "cortical parcellation", "quality": "quality scores"}
FAST = " without mirrored image and topology correction"
EMBEDDED_FILE = WEIGHTS / "embedded.npz"


def weight_file(weights: str) -> Path:
    """The file of the weights that a name or a path stands for."""
    return EMBEDDED_FILE if weights == EMBEDDED else Path(weights)


def open_model(weights: str, mode: str) -> "Model":
    """Read weights: `embedded`, a file written by the study (`.npz`), or an official one (`.h5`).

    Raises:
        StudyError: if the file cannot be used in this mode.
    """
    path = weight_file(weights)
    if path.suffix == ".npz":
        from stages.segmenters.synthseg import model

        found = model.load(path)
        if mode == "robust" and "l2l" not in found.networks:
            raise StudyError(
                f"{path}: holds no cascade for the robust mode; use the standard mode"
                " (segment.mode) or SynthSeg's official robust weights"
            )
        return found
    if path.suffix not in OFFICIAL:
        raise StudyError(
            f"{path}: expected 'embedded', an official .h5 file or an .npz file of the study"
        )
    from stages.segmenters.synthseg import keras

    return keras.load(path, mode)


def open_segmenter(
    weights: str, mode: str, device: "torch.device", *, fast: bool
) -> "NetworkSegmenter":
    """Return weights on a device, ready for many images."""
    from stages.segmenters.synthseg.posteriors import NetworkSegmenter

    return NetworkSegmenter(open_model(weights, mode), device, fast=fast)


def open_further(
    base: "NetworkSegmenter", parcellation: str, quality: str, *, weights: str
) -> Segmenter:
    """Return a segmenter with further networks on its device; itself for `NO_WEIGHTS` twice.

    Args:
        base: the segmenter.
        parcellation, quality: files of the official weights, or `NO_WEIGHTS`.
        weights: of the segmenter, for messages.

    Raises:
        StudyError: if a file cannot be used, or the segmenter is none that it fits.
    """
    if parcellation == quality == NO_WEIGHTS:
        return base
    from stages.segmenters.synthseg import keras, regressor_file
    from stages.segmenters.synthseg.extended import ExtendedSegmenter, check_fit
    from stages.segmenters.synthseg.parcellation import Parcellation
    from stages.segmenters.synthseg.regressor import QualityScores

    further: dict[str, Any] = {}
    check_fit(weight_file(weights), base.model, parcellation=parcellation, quality=quality)
    if parcellation != NO_WEIGHTS:
        network = keras.load_parcellation(official(parcellation))
        further["parcellation"] = Parcellation(network, base.device, base.evaluation)
    if quality != NO_WEIGHTS:
        regressor = regressor_file.load(official(quality))
        further["quality"] = QualityScores(regressor, base.device)
    return ExtendedSegmenter(base, **further)


def official(weights: str) -> Path:
    """Return the path of an official file; raise `StudyError` for other kinds of files."""
    if Path(weights).suffix not in OFFICIAL:
        raise StudyError(f"{weights}: expected an official .h5 file of SynthSeg; name that")
    return Path(weights)


BILLOT = Reference(
    "Billot B, Greve DN, Puonti O, et al. SynthSeg: segmentation of brain MRI scans of any"
    " contrast and resolution without retraining. Medical Image Analysis 2023; 86:102789",
    "https://doi.org/10.1016/j.media.2023.102789",
)
BILLOT_ROBUST = Reference(
    "Billot B, Magdamo C, Cheng Y, Arnold SE, Das S, Iglesias JE. Robust machine learning"
    " segmentation for large-scale analysis of heterogeneous clinical brain MRI datasets. PNAS"
    " 2023; 120(9):e2216399120",
    "https://doi.org/10.1073/pnas.2216399120",
)


def words(params: Chosen) -> Words:
    """Return how the text of methods describes the network; `SynthSeg` is its official weights."""
    path, robust = weight_file(params.weights), params.mode == "robust"
    works = (BILLOT, BILLOT_ROBUST) if robust else (BILLOT,)
    mode = f"{' in robust mode' if robust else ''}{FAST if params.fast else ''}"
    if path.suffix in OFFICIAL:
        chosen = [told for key, told in TOLD.items() if getattr(params, key) != NO_WEIGHTS]
        further = f" with its {' and '.join(chosen)}" if chosen else ""
        return Words(f"SynthSeg 2.0{mode}{further}", works)
    if path.name == EMBEDDED_FILE.name:
        trained = "trained on real label maps and digital phantoms in the manner of SynthSeg"
        text = f"the bundled segmentation network, {trained}{mode}"
        return Words(text, works, metrics="segmenter")
    return Words(f"a segmentation network of the study's own ({path.name}){mode}", works)


def title(weights: str) -> str:
    """Return what is printed: `SynthSeg` for its official weights alone."""
    path = weight_file(weights)
    if path.suffix in OFFICIAL:
        return "SynthSeg"
    return "bundled network" if path.name == EMBEDDED_FILE.name else "own network"


def spoken(weights: str) -> str:
    """Return the network in a sentence."""
    name = title(weights)
    return name if name == "SynthSeg" else f"the {name}"


def opened(params: Chosen, device: "torch.device") -> Segmenter:
    """Return the network with the bundled or official weights, and the further ones."""
    base = open_segmenter(params.weights, params.mode, device, fast=params.fast)
    return open_further(base, params.parcellation, params.quality, weights=params.weights)


def fault(params: Chosen) -> str | None:
    """Return what is wrong about the names of the further weights."""
    for key in FURTHER:
        name = getattr(params, key)
        if name != NO_WEIGHTS and Path(name).suffix not in OFFICIAL:
            return f"{key} '{name}': expected '{NO_WEIGHTS}' or an official .h5 file of SynthSeg"
    return None


SYNTHSEG = SegmenterKind(
    name="synthseg",
    title=title,
    spoken=spoken,
    weights=EMBEDDED_FILE,
    options=("mode", "fast"),
    words=words,
    open=opened,
    further=FURTHER,
    fault=fault,
)
