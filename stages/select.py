"""Choose which weights of its training a member is, by its curve on the monitor scans.

python -m stages.select unet 3
"""

from stages.kspace.formats.catalogue import identities, list_scans
from stages.kspace.image_files import scan_format
from stages.machine.arguments import member_argument
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.train import TrainParams
from stages.provenance.leakage import check_use
from stages.recon.learned.selection import select_member, training_of
from stages.recon.learned.slices import monitor_slices, scan_mask
from stages.storage.files import read_mapping
from stages.storage.nifti import subject
from stages.study import layout


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write weights, resolved configuration and curves to `work/models/<architecture>/<seed>`."""
    architecture, seed = member_argument(arguments, "select")
    params = TrainParams.load_architecture(architecture)
    compute, data = ComputeParams.load(), DataParams.load()
    device = prepare(compute)
    where, files = data.parts[layout.MONITOR]
    scans = list_scans(where, scan_format(data), files)
    folder = training_of(architecture, seed)
    configuration = read_mapping(folder / layout.CONFIGURATION)
    accelerations = {
        layout.mask(subject(scan.path), layout.MONITOR): scan_mask(
            scan, layout.MONITOR
        ).acceleration_acquired
        for scan in scans
    }
    check_use(folder, configuration, identities(scans), accelerations)
    monitor = monitor_slices(scans, params.crop_outer_slices, params.validation_slices, device)
    configuration["train"] |= params.selected_by()
    select_member(architecture, seed, configuration, monitor, device)


if __name__ == "__main__":
    main()
