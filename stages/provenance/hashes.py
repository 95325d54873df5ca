"""What sidecars claim about files, and whether the files agree."""

from dataclasses import dataclass, field
from pathlib import Path

from stages.provenance.records import read_record
from stages.storage.files import md5
from stages.study import layout, sidecars


@dataclass(frozen=True)
class Link:
    """A file and the MD5 that a sidecar records of it, None where it records nothing."""

    sidecar: Path
    file: Path
    recorded: str | None


@dataclass
class Hashes:
    """MD5 of files, each read once."""

    known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return the MD5 of a file."""
        if path not in self.known:
            self.known[path] = md5(path)
        return self.known[path]


def image_links(image: Path, mask: Path | None, model: Path | None) -> list[Link]:
    """Return what an image's sidecar says of itself, its mask and the member's weights.

    Args:
        image: the volume.
        mask: None for images from all of k-space.
        model: None for images without a network.
    """
    found = read_record(image)
    sidecar = layout.sidecar(image)
    links = [Link(sidecar, image, found.get(sidecars.MD5))]
    others = {sidecars.MASK: mask, sidecars.WEIGHTS: model}
    return links + [
        Link(sidecar, path, found.get(key))
        for key, path in others.items()
        if path is not None and key in found.content
    ]


def label_links(label_map: Path, image: Path, weights: Path) -> list[Link]:
    """Return what a label map's sidecar says of itself, its image and the segmenter's weights."""
    found = read_record(label_map)
    files = {sidecars.MD5: label_map, sidecars.IMAGE: image, sidecars.WEIGHTS: weights}
    return [Link(layout.sidecar(label_map), path, found.get(key)) for key, path in files.items()]


def broken(link: Link, hashes: Hashes) -> str | None:
    """Return a line if a file is missing or not the recorded one."""
    if not link.file.is_file():
        return f"{link.file}: expected the file that {link.sidecar} describes, found none"
    if link.recorded in (None, found := hashes.of(link.file)):
        return None
    return f"{link.file}: expected MD5 {link.recorded} ({link.sidecar}), got {found}"
