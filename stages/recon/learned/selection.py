"""Which snapshot of a training becomes the member: the last, or the best on the monitor scans."""

import math
from pathlib import Path

import torch

from stages.params.train import TrainParams
from stages.recon.learned.checkpoints import (
    Configuration,
    Curve,
    Row,
    load_weights,
    read_curve,
    save_member,
    trained_params,
)
from stages.recon.learned.engine import Engine
from stages.recon.learned.networks import build_engine, network_options, output_image, set_training
from stages.recon.learned.slices import Slices
from stages.recon.physics import make_batch
from stages.recon.quality import challenge_quality
from stages.storage.files import atomic_directory
from stages.study import layout
from stages.study.errors import StudyError

BEST = {"best_psnr": "validation_psnr", "best_ssim": "validation_ssim"}
"""What `train.<architecture>.keep` says -> the column whose largest value decides."""


def training_of(architecture: str, seed: int) -> Path:
    """Return the folder of a member's training; raise `StudyError` if there is none."""
    folder = layout.training(architecture, seed)
    if not folder.is_dir():
        raise StudyError(
            f"{folder}: expected a training, found none;"
            f" run `dvc repro train-{architecture}@{architecture}-{seed}`"
        )
    return folder


def select_member(
    architecture: str,
    seed: int,
    configuration: Configuration,
    monitor: list[Slices],
    device: torch.device,
) -> None:
    """Save the snapshot that the parameters choose as the member, with its curves.

    A member that was taken from elsewhere has one snapshot and no curves.

    Args:
        architecture: name of the ensemble.
        seed: member of the ensemble.
        configuration: of the training, with what `TrainParams.selected_by` says.
        monitor: slices of the monitor scans.
        device: where to compute.

    Raises:
        StudyError: if a snapshot is missing or damaged, or there is no curve to choose by.
    """
    source = layout.training(architecture, seed)
    params = trained_params(configuration, source / layout.CONFIGURATION)
    found = layout.snapshots(source)
    if "adopted" in configuration:
        step, curve, kept = 0, [], None
    else:
        check_snapshots(source, found, params)
        scores = validation_curve(params, found, monitor, device)
        step = kept = chosen_step(params.keep, scores, source)
        curve = joined(read_curve(source / layout.LOSSES), scores, step)
    if step not in found:
        raise missing(source, step)
    record = configuration | {"kept": {"rule": params.keep, "step": kept}}
    with atomic_directory(layout.model(architecture, seed)) as folder:
        save_member(folder, found[step], curve, record)


def check_snapshots(folder: Path, found: dict[int, Path], params: TrainParams) -> None:
    """Raise `StudyError` if a training lacks a snapshot that its parameters ask for."""
    for step in params.snapshot_steps:
        if step not in found:
            raise missing(folder, step)


def missing(folder: Path, step: int) -> StudyError:
    """Return the error of a training without the snapshot of a step."""
    return StudyError(f"{folder}: expected the snapshot of step {step}, found none; train again")


def validation_curve(
    params: TrainParams, snapshots: dict[int, Path], monitor: list[Slices], device: torch.device
) -> dict[int, Row]:
    """Return challenge PSNR (dB) and SSIM on the monitor scans by step.

    Raises:
        StudyError: if a snapshot is damaged or of another network.
    """
    engine = build_engine(network_options(params), device, seed=0)
    set_training(engine, False)
    found = {}
    for step in params.snapshot_steps:
        load_weights(engine, snapshots[step], params.model, device)
        found[step] = validate(engine, monitor, device)
    return found


@torch.no_grad()
def validate(engine: Engine, monitor: list[Slices], device: torch.device) -> Row:
    """Return challenge PSNR (dB) and SSIM of a network in evaluation, means over the scans."""
    scores = []
    for scan in monitor:
        batch = make_batch(scan.kspace.to(device), scan.mask)
        target = batch["target"].cpu().numpy()
        image = output_image(engine, batch).cpu().numpy()
        scores.append(challenge_quality(target, image))
    psnr, ssim = zip(*scores, strict=True)
    return {
        "validation_psnr": math.fsum(psnr) / len(psnr),
        "validation_ssim": math.fsum(ssim) / len(ssim),
    }


def chosen_step(keep: str, scores: dict[int, Row], folder: Path) -> int:
    """Return the step whose weights are kept: the last or the best, the first of equal ones.

    Raises:
        StudyError: if no score is finite, as on slices without signal.
    """
    if keep not in BEST:
        return max(scores)
    column = BEST[keep]
    finite = {step: row[column] for step, row in scores.items() if math.isfinite(row[column])}
    if not finite:
        raise StudyError(
            f"{folder}: expected a {column} to choose weights by, got none that is finite; set keep"
            " to last, or other data.monitor_files"
        )
    return max(sorted(finite), key=lambda step: finite[step])


def joined(losses: Curve, scores: dict[int, Row], kept: int) -> Curve:
    """Return the rows of a training with the scores of its snapshots; the kept one has a 1."""
    return [
        row | scores.get(int(row["step"]), {}) | ({"kept": 1.0} if row["step"] == kept else {})
        for row in losses
    ]
