"""Small disks, full ones and read-only ones, in the place of a folder of a study."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    """Put a disk of a size in the place of a folder, with the files that lie in it.

    The folders in it stay where they are and are seen through the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    folders = [p.name for p in folder.iterdir() if p.is_dir()]
    pages = sum(-(-len(content) // PAGE) for content in files.values())
    size = (n_bytes // PAGE + pages + 1) * PAGE
    with ExitStack() as stack:
        hidden = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mounted("--bind", folder, at=hidden))
        stack.enter_context(mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", at=folder))
        for name, content in files.items():
            (folder / name).write_bytes(content)
        for name in folders:
            (folder / name).mkdir()
            stack.enter_context(mounted("--bind", hidden / name, at=folder / name))
        yield


@contextmanager
def mounted(*what: object, at: Path) -> Iterator[None]:
    """Mount something for a while; processes that still have files open there keep them."""
    if not mount(*what, at):
        raise PermissionError(f"{at}: expected to mount a disk there, am not allowed to")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", at], check=True)


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
