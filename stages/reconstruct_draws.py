"""Reconstruct every validation scan repeatedly by one trained network: a group of draws.

`python -m stages.reconstruct_draws replicas`: all members of the group, one after the other.
"""

from dataclasses import dataclass

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import describe_images, save_image, scan_format
from stages.machine.arguments import group_argument
from stages.machine.device import prepare
from stages.machine.entry import entry_point
from stages.machine.parallel import each
from stages.machine.progress import Advance, progress
from stages.params.compute import ComputeParams
from stages.params.data import DataParams
from stages.params.draws import DrawsParams, DrawsSection
from stages.params.reconstruct import ReconstructParams
from stages.recon.catalogue import NETWORK
from stages.recon.draws.catalogue import METHODS
from stages.recon.draws.drawn_image import about, draw_image
from stages.recon.draws.protocol import DrawMethod, Source, Take
from stages.recon.inference import learned
from stages.recon.learned.slices import scan_mask
from stages.storage.files import atomic_directory
from stages.storage.nifti import subject
from stages.study import layout, sidecars


@dataclass(frozen=True, eq=False)
class Job:
    """A group of draws and the scans that it is made of."""

    name: str
    options: DrawsParams
    source: Source
    scans: list[Scan]
    data: DataParams
    batch_size: int
    """Slices at once."""
    n_workers: int
    """Scans at once."""

    @property
    def method(self) -> DrawMethod:
        """How the group is drawn."""
        return METHODS[self.options.method]


def draw_member(job: Job, member: int, advance: Advance) -> None:
    """Write the images of one member; `advance` is called after each."""
    name, options, source, method = job.name, job.options, job.source, job.method
    engine, weights = method.open(source, member, options)
    origin = NETWORK.origin(source.group, source.seed, job.scans)
    origin |= {} if weights is None else {sidecars.WEIGHTS: weights}
    reconstruction = learned(engine)
    with atomic_directory(layout.images(name, member)) as folder:
        words = about(name, member, method, options.of)
        describe_images(folder, name, member, words, job.data, NETWORK.tools)

        def reconstruct(scan: Scan) -> None:
            label = subject(scan.path)
            take = Take(scan, scan_mask(scan), options, name, member, label, job.batch_size)
            image, details = draw_image(take, method, reconstruction, source.device)
            save_image(
                layout.image(name, member, label, folder), scan, image, {**origin, **details}
            )
            advance()

        each(reconstruct, job.scans, job.n_workers)


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write one NIfTI volume a member and scan to `work/images/<group>/<member>`."""
    draws = DrawsSection.load()
    name = group_argument(arguments, "reconstruct_draws", draws.groups)
    options, data, compute = draws.group(name), DataParams.load(), ComputeParams.load()
    source, seeded = Source(*options.network, prepare(compute)), METHODS[options.method].seeded
    scans = list_scans(layout.DATA / data.validation, scan_format(data), data.validation_files)
    # torch's generators are the process's own, and what dropout leaves out depends on the batch
    batch_size = 1 if seeded else ReconstructParams.load().batch_size
    n_workers = 1 if seeded or source.device.type != "cpu" else compute.workers
    job = Job(name, options, source, scans, data, batch_size, n_workers)
    n_images = len(scans) * len(options.members)
    with progress(desc=name, total=n_images, unit="image") as bar:
        for member in options.members:
            draw_member(job, member, bar.update)


if __name__ == "__main__":
    main()
