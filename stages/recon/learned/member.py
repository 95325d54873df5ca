"""The training of one member of an ensemble from scans, or its adoption from DIRECT's zoo."""

from importlib.metadata import version

import torch

from stages.kspace.formats.catalogue import identities, list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.train import TrainParams
from stages.provenance.records import digest
from stages.recon.learned.checkpoints import (
    PACKAGES,
    Configuration,
    member_bytes,
    save_training,
    serialised,
    weights_of,
)
from stages.recon.learned.exchange import adopted
from stages.recon.learned.resume import Checkpoints, stamps
from stages.recon.learned.slices import scan_mask, training_slices
from stages.recon.learned.snapshots import Snapshots
from stages.recon.learned.training import TrainingState, resume, start, steps_bar, train
from stages.storage.files import atomic_directory, md5, read_json
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import memory_for


def mask_hashes(scans: list[Scan]) -> dict[str, str]:
    """Return the MD5 of each training scan's mask: which sampling the member has learned."""
    names = [subject(scan.path) for scan in scans]
    return {name: md5(layout.mask(name, layout.TRAIN)) for name in names}


def training_set(scans: list[Scan]) -> Configuration:
    """Return what a member has learned from: scans by their content, masks, code."""
    code = layout.CODE / "train.json"
    return {
        "scans": {subject(path): one for path, one in identities(scans).items()},
        "masks": mask_hashes(scans),
        "accelerations": {
            subject(scan.path): scan_mask(scan, layout.TRAIN).acceleration_acquired
            for scan in scans
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
    """Train a member, from its last checkpoint if there is one, and save its snapshots."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    where, files = data.parts[layout.TRAIN]
    scans = list_scans(where, scan_format(data), files)
    checkpoints = Checkpoints.of(
        layout.checkpoints(architecture, seed),
        fingerprint(configuration, scans),
        compute.checkpoint_minutes,
    )

    def advice() -> str:
        less = f"lower train.{architecture}.batch_size, set compute.cache to none"
        return f"{checkpoints.kept()}: {less} or give it more memory"

    with memory_for(advice):
        state = trained(configuration, params, compute, scans, checkpoints)
    final = layout.training(architecture, seed)
    try:
        with atomic_directory(final) as folder:
            Snapshots(checkpoints).hand_over(folder)
            save_training(folder, state.curves, configuration | training_set(scans))
    except OSError as error:
        n_bytes = len(params.snapshot_steps) * member_bytes(state.engine)
        raise checkpoints.unwritable(final, n_bytes, error) from None
    checkpoints.remove()


def trained(
    configuration: Configuration,
    params: TrainParams,
    compute: ComputeParams,
    scans: list[Scan],
    checkpoints: Checkpoints,
) -> TrainingState:
    """Return the state after the last step."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    device = torch.device(configuration["compute"]["device"])
    with steps_bar(params) as bar:
        bar.set_postfix_str(f"reading {len(scans)} scans")
        training = training_slices(scans, params.crop_outer_slices, device, compute.cache)
        state = start(params, architecture, seed, [part.size for part in training], device)
        resume(state, checkpoints, params)
        snapshot = Snapshots(checkpoints).write
        train(state, params, training, checkpoints, snapshot, compiled=compute.compile, bar=bar)
    return state


def adopt_member(configuration: Configuration, params: TrainParams) -> None:
    """Save a checkpoint of DIRECT as the only snapshot, that of step 0, of a member."""
    architecture, seed = configuration["architecture"], configuration["seed"]
    engine = adopted(params, seed, torch.device(configuration["compute"]["device"]))
    source = {"adopted": params.pretrained[seed].model_dump(mode="json")}
    with atomic_directory(layout.training(architecture, seed)) as folder:
        (folder / layout.snapshot(0)).write_bytes(serialised(weights_of(engine)))
        save_training(folder, [], configuration | source)
