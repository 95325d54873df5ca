"""Text: JSON and YAML in which nothing is said twice and nothing unfolds into more than it is."""

import json
import math
import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

from stages.storage.reading import Kind, damaged, reading

LARGEST_BYTES = 1 << 26  # of a text; parameters and sidecars have thousands
LARGEST_TREE = 100_000  # nodes of a YAML file once its aliases are written out
LARGEST_DEPTH = 100  # of brackets; the time that PyYAML takes grows with the square
BRACKETS = re.compile(r"[][{}]")


def read_text(path: Path, kind: Kind) -> str:
    """Read UTF-8, with or without a byte-order mark; `StudyError` if it is anything else."""
    with reading(path, kind):
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise damaged(path, kind, f"{size} bytes, more than {LARGEST_BYTES}")
        return path.read_text(encoding="utf-8-sig")


def parse_json(text: str) -> Any:
    """Parse JSON of finite numbers; raise `ValueError` where a key stands twice in one object."""
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)


def parse_yaml(text: str) -> Any:
    """Parse YAML's plain values; raise `ValueError` or `YAMLError` for what has no one meaning.

    Raises:
        ValueError: if a key stands twice in one mapping, aliases unfold into a circle or into more
            than `LARGEST_TREE` values, or brackets lie too deep.
    """
    depths = accumulate(1 if bracket in "[{" else -1 for bracket in BRACKETS.findall(text))
    if max(depths, default=0) > LARGEST_DEPTH:
        raise ValueError(f"more than {LARGEST_DEPTH} brackets in one another")
    loader = yaml.CSafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check_tree(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key '{twice}' stands there twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {text}")
    return value


def _check_tree(root: yaml.Node) -> None:
    """Count the values behind a node, aliases written out, and look for keys that stand twice."""
    sizes: dict[int, int | None] = {}  # None: this node is still open above

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise ValueError(f"an alias in line {node.start_mark.line + 1} holds itself")
            return known
        sizes[id(node)] = None
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        total = 1 + sum(map(size, _children(node)))
        if total > LARGEST_TREE:
            raise ValueError(f"aliases unfold into more than {LARGEST_TREE} values")
        sizes[id(node)] = total
        return total

    size(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        name = (key.tag, key.value if isinstance(key, yaml.ScalarNode) else id(key))
        if name in seen:
            raise ValueError(f"key '{key.value}' stands twice, in line {key.start_mark.line + 1}")
        seen.add(name)
