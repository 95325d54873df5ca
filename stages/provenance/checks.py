"""What must agree, and what must differ, where members come together.

Recorded hashes and the sizes of files are compared, no volume is read: `python -m stages verify`
hashes everything again. An entry that a sidecar lacks is compared with nothing, and said once.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.provenance.records import Record, Records, read_record, read_records
from stages.study import layout, sidecars
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, Group

REMAKE = "remake it with `dvc repro`"
# of the segmenter, the same everywhere
SETTINGS = (
    *(sidecars.METHOD, sidecars.WEIGHTS, sidecars.MODE, sidecars.FAST),
    sidecars.PARCELLATION,
)
IMAGE_KEYS = (sidecars.MD5, sidecars.BYTES, sidecars.SCAN)  # expected of every image
LABEL_KEYS = (  # expected of every label map
    *(sidecars.MD5, sidecars.BYTES, sidecars.IMAGE),
    *(sidecars.WEIGHTS, sidecars.METHOD),
)
WORDS = {
    sidecars.SCAN: "scan",
    sidecars.MASK: "mask",
    sidecars.WEIGHTS: "weights",
    sidecars.NOISE_SEED: "seed of the noise",
    sidecars.DRAW_SEED: "seed of the draw",
    sidecars.MD5: "voxels",
    sidecars.METHOD: "method of the segmenter",
    sidecars.MODE: "mode of the segmenter",
    sidecars.FAST: "`fast` of the segmenter",
    sidecars.PARCELLATION: "weights of the parcellation",
} | dict.fromkeys(sidecars.NOISE, "noise")


def check_group(group: Group, subjects: list[str]) -> None:
    """Check images and label maps of a group against each other and against the reference.

    Raises:
        StudyError: the first thing that does not belong together.
    """
    images = check_images(group, subjects)
    labels = check_label_maps(group, subjects)
    _raise_first(chain_faults(images, labels))


def check_images(group: Group, subjects: list[str]) -> Records:
    """Check the images of a group, and the reference's images and label maps that judge them."""
    images = read_records(layout.image, group, subjects)
    reference = read_records(layout.image, FULLY_SAMPLED, subjects)
    labels = read_records(layout.segmentation, FULLY_SAMPLED, subjects)
    _raise_first(size_faults([*images.values(), *reference.values(), *labels.values()]))
    _raise_first(member_faults(group, images))
    _raise_first(scan_faults(group, images, reference))
    _raise_first(training_faults(images))
    _raise_first(duplicate_faults(group, images))
    _raise_first(chain_faults(reference, labels))
    keys = tuple(k for k in IMAGE_KEYS if k != sidecars.SCAN or not group.kind.elsewhere)
    tell_gaps(f"work/images/{group.name}", images.values(), keys)
    return images


def check_label_maps(group: Group, subjects: list[str]) -> Records:
    """Check that a group was segmented as the reference was."""
    labels = read_records(layout.segmentation, group, subjects)
    reference = read_records(layout.segmentation, FULLY_SAMPLED, subjects)
    _raise_first(size_faults(labels.values()))
    _raise_first(setting_faults(labels, reference))
    tell_gaps(f"work/segmentations/{group.name}", labels.values(), LABEL_KEYS)
    return labels


def check_recorded(volume: Path) -> None:
    """Raise `StudyError` if a volume is not of the size that its sidecar records."""
    _raise_first(size_faults([read_record(volume)]))


def size_faults(found: Iterable[Record]) -> Iterator[str]:
    """Yield a line for every volume whose size is not the one that its sidecar sidecars."""
    for record in found:
        expected = record.get(sidecars.BYTES)
        if expected is None or not record.path.is_file():
            continue  # a file that is missing is named where it is read
        size = record.path.stat().st_size
        if size != expected:
            yield (
                f"{record.path}: expected the file of {expected} bytes that its sidecar describes,"
                f" got {size} bytes: it was replaced; {REMAKE}"
            )


def member_faults(group: Group, images: Records) -> Iterator[str]:
    """Yield a line for every image that says it is another member's, or another network's."""
    for (member, _), record in images.items():
        network = record.get(sidecars.RECONSTRUCTION)
        if record.get(sidecars.TRAINING) is not None and network not in (None, group.name):
            expected = f"expected an image of {group.name}"
            yield f"{record.path}: {expected}, got one of {network}; {REMAKE}"
        for key in (sidecars.MEMBER, sidecars.NOISE_SEED):
            came = record.get(key)
            if came is not None and came != member:
                yield (
                    f"{record.path}: expected an image of member {member}, got one of member"
                    f" {came} ({key} in its sidecar); {REMAKE}"
                )


def scan_faults(group: Group, images: Records, reference: Records) -> Iterator[str]:
    """Yield a line where images of one scan differ in k-space or in what their kind shares."""
    for key in group.kind.same_in:
        for subject in dict.fromkeys(subject for _, subject in images):
            same = [record for (_, s), record in images.items() if s == subject]
            if key == sidecars.SCAN:
                same = [reference[0, subject], *same]
            yield from _differing(same, key)


def training_faults(images: Records) -> Iterator[str]:
    """Yield a line where members were trained with other parameters, data, masks or code."""
    first: dict[str, tuple[str, Record]] = {}
    for record in images.values():
        for part, came in (record.get(sidecars.TRAINING) or {}).items():
            expected, other = first.setdefault(part, (came, record))
            if came != expected:
                yield (
                    f"{record.path}: expected a member trained with the {part} of"
                    f" {other.path.parents[2]}, got other {part}; train its member again with"
                    " `dvc repro`"
                )


def duplicate_faults(group: Group, images: Records) -> Iterator[str]:
    """Yield a line where two members are one: the same weights, the same noise, the same image."""
    for key in group.kind.differ_in:
        seen: dict[object, tuple[int, Record]] = {}
        for (member, _), record in images.items():
            came = record.get(key)
            if came is None:
                continue
            other, first = seen.setdefault(came, (member, record))
            if other != member:
                yield _duplicate(record, first, key)
    pictures: dict[tuple[str, object], Record] = {}
    for (_, subject), record in images.items():
        came = record.get(sidecars.MD5)
        first = pictures.setdefault((subject, came), record)
        if came is not None and first is not record:
            yield _duplicate(record, first, sidecars.MD5)


def setting_faults(labels: Records, reference: Records) -> Iterator[str]:
    """Yield a line where a label map was made by another segmenter than the reference's."""
    for key in SETTINGS:
        yield from _differing([*reference.values(), *labels.values()], key)


def chain_faults(images: Records, labels: Records) -> Iterator[str]:
    """Yield a line for every label map that was not made from the image beside which it stands."""
    for key, record in labels.items():
        came, expected = record.get(sidecars.IMAGE), images[key].get(sidecars.MD5)
        if came is not None and expected is not None and came != expected:
            yield (
                f"{record.path}: expected the label map of {images[key].path} (MD5 {expected}),"
                f" got that of another image (MD5 {came}); segment it again with `dvc repro`"
            )


def tell_gaps(place: str, found: Iterable[Record], keys: tuple[str, ...]) -> None:
    """Say in one line how many volumes do not record what the checks compare."""
    found = list(found)
    n_silent = sum(any(record.get(key) is None for key in keys) for record in found)
    if n_silent:
        print(
            f"warning: {place}: {n_silent} of {len(found)} volumes do not record what they were"
            " made from: not all of it was compared",
            file=sys.stderr,
        )


def _differing(same: list[Record], key: str) -> Iterator[str]:
    known = [record for record in same if record.get(key) is not None]
    for record in known:
        came, expected = record.get(key), known[0].get(key)
        if came != expected:
            yield (
                f"{record.path}: expected the {WORDS[key]} of {known[0].path} ({key} {expected}),"
                f" got another ({came}); {REMAKE}"
            )


def _duplicate(record: Record, first: Record, key: str) -> str:
    return (
        f"{record.path}: expected a member of its own, got the {WORDS[key]} of {first.path} ({key}"
        f" {record.get(key)}); take one of the two out of 'ensembles' or make it again"
    )


def _raise_first(faults: Iterator[str]) -> None:
    for line in faults:
        raise StudyError(line)
