"""Checkpoints of a training that may be killed at any moment and goes on as if it had not been.

They lie in a folder named after everything that the training depends on, outside all outputs of
DVC: a changed parameter, code or data file starts afresh.
"""

import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from stages.kspace.formats.protocol import Scan
from stages.recon.learned.checkpoints import serialised
from stages.study.errors import REMEDIES, StudyError

KEPT = 2  # the last one may be torn by what killed the training
KEY_DIGITS = 16
DIGEST_BYTES = hashlib.sha256().digest_size  # at the start of a file: the checksum of the rest
NAME = re.compile(r"step-(\d{8})\.pt")
PARTIAL = ".partial-checkpoint"
MB = 1e6


@dataclass
class Checkpoints:
    """The last checkpoints of one training.

    Args:
        folder: where they lie; they alone.
        interval_s: seconds between two of them; 0: one after every step.
    """

    folder: Path
    interval_s: float
    written_s: float = field(default_factory=monotonic)

    @classmethod
    def of(cls, member: Path, content: dict[str, Any], minutes: float) -> "Checkpoints":
        """Return the checkpoints of a training and delete those of the member's other trainings.

        Args:
            member: folder of all checkpoints of a member.
            content: everything that the training depends on, as JSON.
            minutes: between two checkpoints.
        """
        own = cls(member / key(content), 60 * minutes)
        for other in member.iterdir() if member.is_dir() else ():
            if other.is_dir() and other != own.folder:
                shutil.rmtree(other)
        (own.folder / PARTIAL).unlink(missing_ok=True)
        return own

    def steps(self) -> dict[int, Path]:
        """Return the files by their step, the last step first."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        named = [(NAME.fullmatch(path.name), path) for path in found if path.is_file()]
        steps = {int(match[1]): path for match, path in named if match}
        return dict(sorted(steps.items(), reverse=True))

    def latest(self) -> dict[str, Any] | None:
        """Return the last state that was written whole; delete damaged ones and say so."""
        for path in self.steps().values():
            state = read(path)
            if state is not None:
                return state
            print(f"{path}: expected a checkpoint, got a damaged file; left out", file=sys.stderr)
            path.unlink()
        return None

    def offer(self, step: int, state: Callable[[], Mapping[str, object]]) -> None:
        """Write a checkpoint if it is time for one; `state` is called only then."""
        if monotonic() - self.written_s >= self.interval_s:
            self.write(step, state())
            self.written_s = monotonic()

    def write(self, step: int, state: Mapping[str, object]) -> None:
        """Write a checkpoint; it counts once it is whole on the disk, and then older ones go.

        Raises:
            StudyError: if the disk does not take it; nothing of it is left.
        """
        content = serialised(state)
        try:
            write_whole(
                self.folder / f"step-{step:08d}.pt", hashlib.sha256(content).digest(), content
            )
        except OSError as error:
            raise self.unwritable(self.folder, len(content), error) from None
        for path in list(self.steps().values())[KEPT:]:
            path.unlink()

    def unwritable(self, folder: Path, n_bytes: int, error: OSError) -> StudyError:
        """Return the error of a folder that did not take so many bytes."""
        remedy = REMEDIES.get(error.errno, "correct that")  # type: ignore[arg-type]  # None has no remedy
        return StudyError(
            f"{folder}: expected room for {n_bytes / MB:.1f} MB, got '{error.strerror}';"
            f" {self.kept()}: {remedy} and run again"
        )

    def kept(self) -> str:
        """Say which checkpoint a training that stops now goes on from."""
        last = next(iter(self.steps()), None)
        return "no checkpoint is kept" if last is None else f"the checkpoint of step {last} is kept"

    def remove(self) -> None:
        """Delete all checkpoints of the member; called when it is saved."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def key(content: dict[str, Any]) -> str:
    """Return a name for everything that a training depends on (JSON): other content, other name."""
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def stamps(scans: list[Scan]) -> dict[str, list[int]]:
    """Return size in bytes and time of change in ns of each scan: whether it is the same file."""
    found = {str(scan.path): scan.path.stat() for scan in scans}
    return {path: [status.st_size, status.st_mtime_ns] for path, status in found.items()}


def read(path: Path) -> dict[str, Any] | None:
    """Return the state in a file, tensors on the host; None if it is not as the study wrote it."""
    try:
        with open(path, "rb") as stream:
            digest, content = stream.read(DIGEST_BYTES), stream.read()
    except OSError:
        return None
    if hashlib.sha256(content).digest() != digest:
        return None
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # whole, but not written by the study: nothing in it is run
        return None


def write_whole(final: Path, *content: bytes | memoryview) -> None:
    """Write a file that bears its name only once all of it is on the disk.

    Raises:
        OSError: if the disk does not take it; nothing of it is left.
    """
    partial = final.with_name(PARTIAL)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as stream:
            for part in content:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(final)
        _sync_folder(final.parent)
    except OSError:
        with suppress(OSError):
            partial.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    # without it a power cut may lose the new name although the content is on the disk
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
