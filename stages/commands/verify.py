"""Hash every volume, mask and weight file again and hold it against what the sidecars record.

python -m stages verify            # every group of the parameters
python -m stages verify unet rim
python -m stages verify results/cohort   # a published study: its files against its manifest

Stages compare recorded hashes and sizes only; this reads the files themselves. Of every group, it
also looks for results that DVC's cache does not hold. Nothing is written.
"""

import argparse
import sys
from pathlib import Path

from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.measures.members import scans
from stages.params.ensembles import EnsembleParams
from stages.params.segment import SegmentParams
from stages.pipeline.repository import uncached
from stages.provenance.hashes import Hashes, Link, broken, image_links, label_links
from stages.provenance.publication import faults, is_publication, manifest
from stages.segmenters.catalogue import networks_in
from stages.segmenters.protocol import NO_WEIGHTS
from stages.study import layout, sidecars
from stages.study.errors import StudyError
from stages.study.groups import Group


def shares_mask(group: Group) -> bool:
    """Return whether images are of the scan's own mask; some draws have masks of their own."""
    return group.kind.undersampled and sidecars.MASK in group.kind.same_in


def links(group: Group, subjects: list[str], weights: Path) -> list[Link]:
    """Return everything that the sidecars of a group say about other files and their own."""
    found = []
    for member in group.members:
        model = layout.member_weights(group.name, member) if group.kind.trained else None
        for name in group.scans(member, subjects):
            image = layout.image(group.name, member, name)
            mask = layout.mask(name) if shares_mask(group) else None
            found += image_links(image, mask, model)
            found += label_links(layout.segmentation(group.name, member, name), image, weights)
    return found


def copy_links(group: Group, subjects: list[str], params: SegmentParams) -> list[Link]:
    """Return the same of the label maps of shifted copies, each by the network of its draw."""
    n_draws, none = params.perturbations.draws, params.networks == NO_WEIGHTS
    networks = [Path(params.weights)] if none or not n_draws else networks_in(params.networks)
    return [
        link
        for number in range(n_draws)
        for member in group.members
        for name in group.scans(member, subjects)
        for link in label_links(
            layout.drawn_segmentation(group.name, member, number, name),
            layout.image(group.name, member, name),
            networks[number % len(networks)],
        )
    ]


def not_in_cache(root: Path) -> list[str]:
    """Return a line for every result that DVC's cache should hold and does not."""
    if not (root / ".dvc").is_dir():  # no study under DVC
        return []
    return [
        f"{name}: expected in DVC's cache too, got no copy there; make room and call `dvc commit`"
        for name in uncached(root)
    ]


def verify_publications(folders: list[Path]) -> None:
    """Hold published studies against their manifests.

    Raises:
        StudyError: if a file is not the one that was published.
    """
    lines = [line for folder in folders for line in faults(folder)]
    for line in lines:
        print(f"fault: {line}", file=sys.stderr)
    if lines:
        raise StudyError(
            f"{', '.join(map(str, folders))}: expected the files of the manifest, got {len(lines)}"
            " faults (above); restore them with `git checkout`, or publish the study anew"
        )
    n_files = sum(len(manifest(folder)["files"]) for folder in folders)
    print(f"{n_files} hashes hold")


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Print a line for every file that is not the recorded one, and fail if there is any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "groups", nargs="*", help="of params.yaml, or published folders (all groups)"
    )
    options = parser.parse_args(arguments)
    if any(is_publication(Path(name)) for name in options.groups):
        verify_publications([Path(name) for name in options.groups])
        return
    ensembles, segment = EnsembleParams.load(), SegmentParams.load()
    subjects, hashes = scans(), Hashes()
    claimed: list[Link] = []
    for name in options.groups or ensembles.groups:
        group = ensembles.group(name)
        claimed += links(group, subjects, Path(segment.weights))
        claimed += copy_links(group, subjects, segment) if name in ensembles.ensembles else []
    faults = [broken(link, hashes) for link in progress(claimed, desc="verify", unit="file")]
    lines = [line for line in dict.fromkeys(faults) if line]
    absent = [] if options.groups else not_in_cache(Path())
    for line in lines + absent:
        print(f"fault: {line}", file=sys.stderr)
    n_silent = len({link.sidecar for link in claimed if link.recorded is None})
    if n_silent:
        print(f"warning: {n_silent} sidecars do not record all hashes", file=sys.stderr)
    if lines:
        raise StudyError(
            f"work: expected the files that the sidecars record, got {len(lines)} others (above);"
            " remake them with `dvc repro`"
        )
    if absent:
        raise StudyError(
            f".dvc/cache: expected all results there, got {len(absent)} too few (above);"
            " make room and call `dvc commit`"
        )
    print(f"{len(claimed) - sum(link.recorded is None for link in claimed)} hashes hold")
