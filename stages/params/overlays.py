"""Parameters said once: params.NAME.yaml holds what differs from the default files.

An overlay is laid over the default key by key wherever the schema fixes the keys. Lists, single
values and mappings with free keys (`ensembles`; `network`, `sensitivity_network`, `losses` and
`pretrained` of an architecture) take the place of the default's as a whole, so that no seed and no
argument of the default stays behind. The text is edited only where a value changes: order and
comments of the default stay, and a comment behind a value of the overlay replaces the default's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent
from typing import Any

import yaml
from pydantic import BaseModel

from stages.params.section import (
    FILE,
    RECIPE_SECTIONS,
    RECIPES,
    SECTIONS,
    mapping_text,
    nested,
    unknown_key,
)
from stages.params.sections import Parameters, load_all
from stages.params.train import TrainParams
from stages.storage.text import parse_yaml
from stages.study.errors import StudyError

DEFAULTS = (FILE, RECIPES)  # files of the default study, those that exist
TRAIN = "train"
COMMENT = re.compile(r"[ \t]+#[^\n]*")
HEAD = re.compile(r"(?:#[^\n]*\n)*")
NONE = "(none)"  # in the place of a value: no such key

Keys = tuple[str, ...]
"""Where a value stands: the keys that lead to it from the root of a file."""
Pair = tuple[yaml.Node, yaml.Node]
"""A key and its value."""


@dataclass(frozen=True)
class Edit:
    """What takes the place of a part of a text, from `start` to before `end`."""

    start: int
    end: int
    text: str

    @property
    def place(self) -> tuple[int, int]:
        """Where it comes among all edits: of two insertions at one place the deeper one first."""
        return self.start, len(self.text.lstrip(" ")) - len(self.text)


@dataclass(frozen=True)
class Merged:
    """The default files with an overlay laid over them."""

    texts: dict[Path, str]  # by the file's name
    changes: tuple[str, ...]  # one line for each value: key, old -> new


class Document:
    """A YAML text whose root is a mapping, with the places of its values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root: yaml.MappingNode = yaml.compose(text, yaml.SafeLoader)  # type: ignore[assignment]  # a mapping

    def comment(self, value: yaml.Node) -> str:
        """Return the comment behind a value, with the blanks before it; empty without one."""
        found = COMMENT.match(self.text, end(value))
        return found.group() if found else ""

    def line_end(self, position: int) -> int:
        """Return where the next line starts."""
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found + 1

    def removed(self, key: yaml.Node, value: yaml.Node) -> Edit:
        """Return the removal of a key of a block mapping with its value, whole lines."""
        return Edit(key.start_mark.index - key.start_mark.column, self.line_end(end(value)), "")

    def added(self, mapping: yaml.MappingNode, key: str, value: Any, comment: str) -> Edit:
        """Return the insertion of a key behind the last one of a block mapping."""
        first, place = mapping.value[0][0], self.line_end(end(mapping))
        nest = isinstance(value, dict) and any(isinstance(v, dict | list) for v in value.values())
        line = block({key: value}) if nest else f"{key}: {flow(value)}{comment}\n"
        before = "" if self.text[:place].endswith("\n") else "\n"
        return Edit(place, place, before + indent(line, " " * first.start_mark.column))

    def replaced(self, key: yaml.Node, old: yaml.Node, value: Any, comment: str) -> Edit:
        """Return the replacement of a value, and of its comment if there is a new one."""
        behind = len(self.comment(old)) if comment else 0
        return Edit(key.end_mark.index, end(old) + behind, f": {flow(value)}{comment}")


def is_block(node: yaml.Node) -> bool:
    """Tell whether a value is a list or mapping with a line for each item."""
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def end(node: yaml.Node) -> int:
    """Return where a value ends: PyYAML counts blank lines and comments behind a block to it."""
    if not is_block(node):
        return node.end_mark.index
    last = node.value[-1]
    return end(last[1] if isinstance(last, tuple) else last)


def plain(node: yaml.Node) -> Any:
    """Return the value of a node."""
    return yaml.SafeLoader("").construct_document(node)


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    options: Any = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True}
    text: str = yaml.safe_dump(value, width=float("inf"), **options)
    return text.removesuffix("\n").removesuffix("\n...")


def block(value: dict[str, Any]) -> str:
    """Return a mapping as YAML, a line for each key."""
    return yaml.safe_dump(value, default_flow_style=None, sort_keys=False, allow_unicode=True)


def has_fixed_keys(keys: Keys) -> bool:
    """Tell whether the schema fixes the keys of the mapping at this place."""
    if keys in ((), (TRAIN,)):  # sections and architectures: each has keys of its own
        return True
    kind: type[BaseModel] | None = Parameters
    if keys[0] == TRAIN:
        kind, keys = TrainParams, keys[2:]
    for key in keys:
        kind = kind and nested(kind, key)
    return kind is not None and kind.model_config.get("extra") != "allow"


def laid(old: Any, new: Any, keys: Keys) -> Any:
    """Return a value with that of an overlay laid over it."""
    if not (isinstance(old, dict) and isinstance(new, dict) and has_fixed_keys(keys)):
        return new
    return old | {key: laid(old.get(key), value, (*keys, key)) for key, value in new.items()}


def edits_of_mapping(
    base: Document, mapping: yaml.MappingNode, over: Document, pairs: list[Pair], keys: Keys
) -> Iterator[Edit]:
    """Yield what lays pairs of an overlay over a block mapping of a default file."""
    there = {key.value: (key, value) for key, value in mapping.value}
    for key, value in pairs:
        if key.value in there:
            yield from edits_of_value(base, there[key.value], over, value, (*keys, key.value))
        else:
            yield base.added(mapping, key.value, plain(value), over.comment(value))


def edits_of_value(
    base: Document, pair: Pair, over: Document, new: yaml.Node, keys: Keys
) -> Iterator[Edit]:
    """Yield what lays a value of an overlay over that of a default file."""
    old = pair[1]
    mappings = isinstance(old, yaml.MappingNode) and isinstance(new, yaml.MappingNode)
    if mappings and is_block(old) and new.value:
        if not has_fixed_keys(keys):
            kept = {key.value for key, _ in new.value}
            yield from (base.removed(*found) for found in old.value if found[0].value not in kept)
        yield from edits_of_mapping(base, old, over, new.value, keys)  # type: ignore[arg-type]  # a mapping
        return
    value = laid(plain(old), plain(new), keys)
    if flow(value) != flow(plain(old)):  # 1 is not 1.0
        yield base.replaced(pair[0], old, value, over.comment(new))


def edited(text: str, edits: list[Edit]) -> str:
    """Return a text with all edits made."""
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: edit.place):
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Yield a line for each value that differs: its dotted key, old -> new."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            before, after = (side.get(key, NONE) for side in (old, new))
            yield from differences(before, after, f"{name}.{key}".removeprefix("."))
    elif flow(old) != flow(new):
        before, after = (side if side == NONE else flow(side) for side in (old, new))
        yield f"{name}: {before} -> {after}"


def overlay_file(name: str) -> Path:
    """Return the name of an overlay's file."""
    return FILE.with_suffix(f".{name}.yaml")


def overlays(folder: Path = Path()) -> list[str]:
    """Return the names of the overlays in a folder."""
    names = (path.name.split(".")[1] for path in sorted(folder.glob(str(overlay_file("*")))))
    return [name for name in names if overlay_file(name) not in DEFAULTS]


def merge(name: str, folder: Path = Path()) -> Merged:
    """Return the default files of a folder with one of its overlays laid over them.

    Raises:
        StudyError: if there is no such overlay, or the schema does not allow what comes out.
    """
    path = folder / overlay_file(name)
    if name not in (known := overlays(folder)):
        raise StudyError(
            f"{path}: expected parameters that differ from the default's, found none;"
            f" there are: {', '.join(known) or 'none'}"
        )
    texts = {file: mapping_text(folder / file) for file in DEFAULTS if (folder / file).is_file()}
    over, bases = Document(mapping_text(path)), {file: Document(t) for file, t in texts.items()}
    homes = {key.value: file for file, base in bases.items() for key, _ in base.root.value}
    for key, _ in over.root.value:
        if key.value not in homes:
            raise StudyError(unknown_key(path, key.value, [*SECTIONS, *RECIPE_SECTIONS]))
    new: dict[Path, str] = {}
    changes: list[str] = []
    for file, base in bases.items():
        pairs = [pair for pair in over.root.value if homes[pair[0].value] == file]
        text = edited(base.text, list(edits_of_mapping(base, base.root, over, pairs, ())))
        changes += differences(parse_yaml(base.text), parse_yaml(text))
        new[file] = text if text == base.text else noted(text, name)
    check(new, name)
    return Merged(new, tuple(changes))


def noted(text: str, name: str) -> str:
    """Return the text of a default file whose head names the overlay that was laid over it."""
    note = f"# Laid over it: {overlay_file(name)} (`python -m stages settings {name}`).\n"
    found = HEAD.match(text)
    head = found.group() if found else ""
    return text if note in head else f"{head}{note}{text.removeprefix(head)}"


def check(texts: dict[Path, str], name: str) -> None:
    """Raise `StudyError` unless files pass the whole schema."""
    with TemporaryDirectory() as folder:
        for file, text in texts.items():
            Path(folder, file).write_text(text, encoding="utf-8")
        try:
            load_all(Path(folder, FILE))
        except StudyError as error:
            message = str(error).replace(f"{folder}/", "")
            raise StudyError(f"{overlay_file(name)} over {message}") from None
