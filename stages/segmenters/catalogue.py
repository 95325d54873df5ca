"""The segmenters of the study, by `segment.method`.

A new one is a folder beside this file that ends in a `SegmenterKind`, and its line in `KINDS`.
Imports neither torch nor the segmenters themselves before one is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.segmenters.atlas.atlas_file import ATLAS
from stages.segmenters.files.kinds import COMMAND, FILES
from stages.segmenters.protocol import NO_WEIGHTS, Chosen, Segmenter, SegmenterKind
from stages.segmenters.synthseg.weight_files import SYNTHSEG, weight_file
from stages.storage.files import md5
from stages.study import sidecars
from stages.study.errors import StudyError

if TYPE_CHECKING:
    import torch

KINDS: dict[str, SegmenterKind] = {kind.name: kind for kind in (SYNTHSEG, ATLAS, FILES, COMMAND)}
"""By name."""


def kind_of(params: Chosen) -> SegmenterKind:
    """Return the kind that the parameters choose."""
    return KINDS[params.method]


def open_segmenter(params: Chosen, device: "torch.device") -> Segmenter:
    """Return the segmenter that the parameters choose; `StudyError` if its weights are unusable."""
    return kind_of(params).open(params, device)


def networks_in(folder: str) -> list[Path]:
    """Return the weights in a folder, by name; `StudyError` if there are none."""
    found = sorted(path for path in Path(folder).glob("*") if path.suffix in (".npz", ".h5"))
    if not found:
        raise StudyError(
            f"{folder}: expected weights of segmentation networks (.npz, .h5), found none; correct"
            f" segment.networks, or set it to '{NO_WEIGHTS}'"
        )
    return found


def described(params: Chosen) -> str:
    """Return what made a label map, in words."""
    if not kind_of(params).made_here:
        return kind_of(params).title(params.weights)
    kind, parts = kind_of(params), [weight_file(params.weights).name]
    if "mode" in kind.options:
        parts.append(f"{params.mode} mode")
    return f"{kind.title(params.weights)} ({', '.join(parts)})"


def provenance(params: Chosen) -> dict[str, Any]:
    """Return what the sidecar of a label map says about its segmenter."""
    if record := kind_of(params).record:
        return record(params)
    path = weight_file(params.weights)
    chosen = {key.capitalize(): getattr(params, key) for key in kind_of(params).options}
    return {
        sidecars.METHOD: params.method,
        sidecars.WEIGHTS_FILE: path.name,
        sidecars.WEIGHTS: md5(path),
        **chosen,
        **parcellation_record(params),
    }


def parcellation_record(params: Chosen) -> dict[str, str]:
    """Return the digest of the weights of the parcellation by its key in a sidecar, if chosen."""
    if params.parcellation == NO_WEIGHTS:
        return {}
    return {sidecars.PARCELLATION: md5(Path(params.parcellation))}


def fault_of(params: Chosen) -> str | None:
    """Return what is wrong about the parameters, as far as they and the weights' name tell."""
    if fault := kind_of(params).fault(params):
        return fault
    if not kind_of(params).divides and params.parcellation != NO_WEIGHTS:
        return f"parcellation is SynthSeg's: set it to '{NO_WEIGHTS}' for method '{params.method}'"
    if params.method != SYNTHSEG.name and params.networks != NO_WEIGHTS:
        return f"networks are SynthSeg's: set them to '{NO_WEIGHTS}' for method '{params.method}'"
    name, own = Path(params.weights).name, kind_of(params).weights.name
    if name == own or name not in {kind.weights.name for kind in KINDS.values()}:
        return None
    return (
        f"weights '{params.weights}' are not for method '{params.method}'; set segment.weights as"
        f" well (weights/{own})"
    )
