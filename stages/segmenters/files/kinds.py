"""Label maps from elsewhere among the segmenters of the study: files, and a command.

`segment.method: files` takes the label map that the table of images names beside each image
(column `labels`); `command` calls a program of the user's for each image.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.segmenters.protocol import Chosen, SegmenterKind, Words
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.storage.files import md5
from stages.study import sidecars

if TYPE_CHECKING:
    import torch

    from stages.segmenters.files.given import GivenMaps
    from stages.segmenters.files.running import CommandSegmenter


def open_files(params: Chosen, device: "torch.device") -> "GivenMaps":
    """Return what finds the label map of each image."""
    from stages.segmenters.files.given import GivenMaps

    return GivenMaps.of(params.labels)


def open_command(params: Chosen, device: "torch.device") -> "CommandSegmenter":
    """Return what calls the command; `StudyError` if it cannot be called."""
    from stages.segmenters.files.running import CommandSegmenter

    return CommandSegmenter.of(str(params.command), params.labels)


def label_record(params: Chosen) -> dict[str, Any]:
    """Return what the sidecar of a label map says of how its labels were read."""
    table = {sidecars.LABEL_TABLE: md5(params.labels)} if params.labels else {}
    return {sidecars.METHOD: params.method, sidecars.WEIGHTS: "none", **table}


def command_record(params: Chosen) -> dict[str, Any]:
    """Return the same of a command; its log and digest are those of each image."""
    return label_record(params) | {sidecars.COMMAND: params.command}


def _table_fault(params: Chosen) -> str | None:
    if params.labels and not Path(params.labels).name.endswith(".tsv"):
        return f"labels '{params.labels}': expected a TSV with columns index and name"
    return None


def _command_fault(params: Chosen) -> str | None:
    for place in ("{image}", "{labels}"):
        if place not in (params.command or ""):
            return (
                f"method '{params.method}' needs a command with {{image}} and {{labels}}, e.g."
                " segment.command: mri_synthseg --i {image} --o {labels} --vol {volumes}"
            )
    return _table_fault(params)


FILES = SegmenterKind(
    name="files",
    title=lambda _: "given label maps",
    spoken=lambda _: "the given label maps",
    weights=EMBEDDED_FILE,  # are not used
    options=(),
    words=lambda _: Words("label maps made by [segmenter and version]", ()),
    open=open_files,
    made_here=False,
    record=label_record,
    fault=_table_fault,
)
COMMAND = SegmenterKind(
    name="command",
    title=lambda _: "a command",
    spoken=lambda _: "the command",
    weights=EMBEDDED_FILE,  # are not used
    options=(),
    words=lambda params: Words(f"the command `{params.command}` [version]", ()),
    open=open_command,
    made_here=False,
    record=command_record,
    fault=_command_fault,
)
