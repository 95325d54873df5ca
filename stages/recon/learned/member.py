"""One member of an ensemble: trained from scans, or adopted from a checkpoint of DIRECT."""

from importlib.metadata import version
from typing import Any

import torch

from stages.kspace.formats.catalogue import identities, list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.train import TrainParams
from stages.provenance.leakage import check_apart
from stages.provenance.records import digest
from stages.recon.learned.checkpoints import PACKAGES, member_bytes, save_member
from stages.recon.learned.exchange import adopted
from stages.recon.learned.resume import Checkpoints, stamps
from stages.recon.learned.slices import scan_mask, training_slices, validation_slices
from stages.recon.learned.training import TrainingState, resume, start, train
from stages.storage.files import atomic_directory, md5, read_json
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import memory_for

Configuration = dict[str, Any]


def mask_hashes(scans: list[Scan]) -> dict[str, str]:
    """Return the MD5 of each scan's mask: which sampling the member has learned."""
    return {subject(scan.path): md5(layout.mask(subject(scan.path))) for scan in scans}


def training_set(scans: list[Scan]) -> Configuration:
    """Return what a member has learned from: scans by their content, masks, code."""
    code = layout.CODE / "train.json"
    return {
        "scans": {subject(path): one for path, one in identities(scans).items()},
        "masks": mask_hashes(scans),
        "accelerations": {
            subject(scan.path): scan_mask(scan).acceleration_acquired for scan in scans
        },
        "code": digest(read_json(code)) if code.exists() else None,
    }


def fingerprint(configuration: Configuration, scans: list[Scan]) -> Configuration:
    """Return everything that the bits of a training depend on: a change of it starts afresh."""
    code = layout.CODE / "train.json"
    return configuration | {
        "code": read_json(code) if code.exists() else None,
        "scans": stamps(scans),
        "masks": mask_hashes(scans),
        "versions": {name: version(name) for name in PACKAGES},
    }


def train_member(
    configuration: Configuration, params: TrainParams, compute: ComputeParams, data: DataParams
) -> None:
    """Train a member, from its last checkpoint if there is one, and save it."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    file_format = scan_format(data)
    scans = list_scans(layout.DATA / data.train, file_format, data.train_files)
    others = list_scans(layout.DATA / data.validation, file_format, data.validation_files)
    check_apart(identities(scans), identities(others))
    checkpoints = Checkpoints.of(
        layout.checkpoints(architecture, seed),
        fingerprint(configuration, [*scans, *others]),
        compute.checkpoint_minutes,
    )

    def advice() -> str:
        less = f"lower train.{architecture}.batch_size, set compute.cache to none"
        return f"{checkpoints.kept()}: {less} or give it more memory"

    with memory_for(advice):
        state = trained(configuration, params, compute, (scans, others), checkpoints)
    final = layout.model(architecture, seed)
    try:
        with atomic_directory(final) as folder:
            learned = configuration | training_set(scans)
            save_member(folder, state.engine, state.curves, learned)
    except OSError as error:
        raise checkpoints.unwritable(final, member_bytes(state.engine), error) from None
    checkpoints.remove()


def trained(
    configuration: Configuration,
    params: TrainParams,
    compute: ComputeParams,
    scans: tuple[list[Scan], list[Scan]],
    checkpoints: Checkpoints,
) -> TrainingState:
    """Return the state after the last step; `scans` are those to learn from and those to follow."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    device = torch.device(configuration["compute"]["device"])
    crop = params.crop_outer_slices
    training = training_slices(scans[0], crop, device, compute.cache)
    validation = validation_slices(scans[1], crop, params.validation_slices, device)
    state = start(params, architecture, seed, [len(part) for part in training], device)
    resume(state, checkpoints, params.steps)
    train(state, params, training, validation, checkpoints, compiled=compute.compile)
    return state


def adopt_member(configuration: Configuration, params: TrainParams) -> None:
    """Save a checkpoint of DIRECT as a member, which has no curves of its own."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    engine = adopted(params, seed, torch.device(configuration["compute"]["device"]))
    source = {"adopted": params.pretrained[seed].model_dump(mode="json")}
    with atomic_directory(layout.model(architecture, seed)) as folder:
        save_member(folder, engine, [], configuration | source)
