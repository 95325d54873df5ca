"""Small disks, full ones and read-only ones, in the place of a folder of a study."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096  # bytes; tmpfs gives room by the page


def mount(*arguments: object) -> bool:
    """Call mount(8); tell whether it was permitted."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    return done.returncode == 0


def mountable() -> bool:
    """Tell whether this process may mount a disk: root may, outside most containers."""
    with tempfile.TemporaryDirectory() as folder:
        if not mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder):
            return False
        subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def disk(folder: Path, n_bytes: int) -> Iterator[None]:
    """Put a disk of a size in the place of a folder, with the files that lie in it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    pages = sum(-(-len(content) // PAGE) for content in files.values())
    size = (n_bytes // PAGE + pages + 1) * PAGE
    if not mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder):
        raise PermissionError(f"{folder}: expected to mount a disk there, am not allowed to")
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a mounted folder read-only for a while; root ignores permissions, but not this."""
    mount("-o", "remount,ro", folder)
    try:
        yield
    finally:
        mount("-o", "remount,rw", folder)


def fill(folder: Path, free_pages: int) -> Path:
    """Fill the disk of a folder but for some pages; return the file to delete for room again."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(PAGE))
        except OSError:
            pass
        stream.truncate(max(0, stream.tell() - free_pages * PAGE))
    return filler
