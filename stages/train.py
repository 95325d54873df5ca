"""Train one member of an ensemble.

python -m stages.train unet 3
"""

import argparse

from stages import layout
from stages.errors import door
from stages.files import atomic_directory, md5
from stages.images import subject
from stages.kspace.files import Scan, list_scans
from stages.kspace.volumes import scan_format
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.train import TrainParams
from stages.recon.checkpoints import save_member
from stages.recon.data import training_slices, validation_slices
from stages.recon.device import prepare
from stages.recon.training import start, train


def mask_hashes(scans: list[Scan]) -> dict[str, str]:
    """Return the MD5 of each scan's mask: which sampling the member has learned."""
    return {subject(scan.path): md5(layout.mask(subject(scan.path))) for scan in scans}


@door
def main() -> None:
    """Write weights, resolved configuration and curves to `work/models/<architecture>/<seed>`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("architecture", help="a key of section train in params.yaml")
    parser.add_argument("seed", type=int, help="member of the ensemble")
    arguments = parser.parse_args()
    architecture, seed = arguments.architecture, arguments.seed
    params = TrainParams.load_architecture(architecture)
    compute, data = ComputeParams.load(), DataParams.load()
    device = prepare(compute)
    file_format = scan_format(data)
    scans = list_scans(layout.DATA / data.train, file_format)
    others = list_scans(layout.DATA / data.validation, file_format)
    training = training_slices(scans, params.crop_outer_slices, device)
    validation = validation_slices(
        others, params.crop_outer_slices, params.validation_slices, device
    )
    state = start(params, architecture, seed, [len(s.kspace) for s in training], device)
    train(state, params, training, validation)
    configuration = {
        "architecture": architecture,
        "seed": seed,
        "train": params.model_dump(mode="json"),
        "compute": compute.model_dump(mode="json") | {"device": device.type},
        "data": data.model_dump(mode="json"),
        "masks": mask_hashes(scans),
    }
    with atomic_directory(layout.model(architecture, seed)) as folder:
        save_member(folder, state.engine, state.curves, configuration)


if __name__ == "__main__":
    main()
