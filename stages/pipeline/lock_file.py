"""DVC's lock file, rewritten where a stage has changed.

DVC reads and writes all of it with the comments that people may have left, which takes 1 s of CPU
time for every stage of a study of a hundred. But `dvc.lock` is DVC's alone, and the entry of one
stage says nothing of the others.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from dvc.fs import FileSystem
from dvc.utils.serialize import dumps_yaml, load_yaml, modify_yaml

NAME = "dvc.lock"
SCHEMA, STAGES = "schema", "stages"
LOCK = re.compile(rf"{SCHEMA}: '[\d.]+'\n{STAGES}:\n(?:(?:  \S.*:| {{3}}.*|)\n)*")
ENTRY = re.compile(r"  \S.*:\n(?:(?: {3}.*|)\n)*")
CHARSET = "utf-8"  # of DVC


@contextmanager
def modified(path: str, fs: FileSystem | None = None) -> Iterator[dict[str, Any]]:
    """Yield what `modify_yaml` of DVC yields, and write what it would write, the same bytes.

    Args:
        path: of a YAML file; a lock file that DVC has written is what this is quick for.
        fs: where it lies, as DVC knows it; None: on this machine.
    """
    text = text_of_lock(path)
    if text is None:
        with modify_yaml(path, fs=fs) as data:
            yield data
        return
    data = load_yaml(path, fs=fs)
    before = dict(data[STAGES])
    yield data
    changed = {n: entry for n, entry in data[STAGES].items() if entry is not before.get(n)}
    entries = [dumps_yaml({STAGES: {n: e}}).partition("\n")[2] for n, e in changed.items()]
    quick = all(ENTRY.fullmatch(entry) for entry in entries)
    found = reduce(with_entry, entries, text) if quick else dumps_yaml(data)
    Path(path).write_text(found, encoding=CHARSET)


def text_of_lock(path: str) -> str | None:
    """Return the text of a lock file that holds stages alone; None of any other file."""
    file = Path(path)
    if file.name != NAME or not file.exists():
        return None
    text = file.read_text(encoding=CHARSET)
    return text if LOCK.fullmatch(text) else None


def with_entry(text: str, entry: str) -> str:
    """Return the text of a lock file with one stage's entry, in its old place or at the end.

    Args:
        text: of the file, lines of stages' names indented by two blanks.
        entry: lines of the stage, the first with its name.

    Example:
        >>> text = "stages:\\n  a:\\n    cmd: old\\n  b:\\n    cmd: c\\n"
        >>> with_entry(text, "  a:\\n    cmd: new\\n")
        'stages:\\n  a:\\n    cmd: new\\n  b:\\n    cmd: c\\n'
    """
    name = entry.partition("\n")[0]
    for there in ENTRY.finditer(text):
        if there.group().startswith(f"{name}\n"):
            return text[: there.start()] + entry + text[there.end() :]
    return text + entry
