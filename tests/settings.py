"""The parameter files of the study: the default, and with an overlay laid over it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stages.params.overlays import merge, overlays
from tests.fabricated import ROOT

DEFAULT = "default"
ALL = (DEFAULT, *overlays(ROOT))


@cache
def texts(name: str) -> dict[Path, str]:
    """Return the texts of the parameter files by their names, an overlay laid over them."""
    if name != DEFAULT:
        return merge(name, ROOT).texts
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in merge("ci", ROOT).texts}


def settings(name: str) -> dict[str, Any]:
    """Return the content of params.yaml, with an overlay laid over it."""
    return yaml.safe_load(texts(name)[Path("params.yaml")])


def write_settings(name: str, folder: Path) -> Path:
    """Write the parameter files, with an overlay laid over them; return the path of params.yaml."""
    for file, text in texts(name).items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder / "params.yaml"
