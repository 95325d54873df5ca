"""Whether the graph of stages has a stage for all that the parameters ask for."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.study.errors import StudyError

GRAPH = Path("dvc.yaml")
OF_A_MEMBER = ("train", "select", "reconstruct", "segment")  # seeds differ between architectures


def check_members(architectures: Iterable[str], path: Path = GRAPH) -> None:
    """Raise `StudyError` if an architecture lacks one of the stages that its members go through."""
    stages = graph(path)
    for name in architectures:
        for kind in OF_A_MEMBER:
            if f"{kind}-{name}" not in stages:
                raise StudyError(
                    f"{path}: expected a stage '{kind}-{name}', found none; copy the line of"
                    f" another architecture, for ensembles.{name}"
                )


def graph(path: Path) -> Mapping[str, Any]:
    """Return the stages of a dvc.yaml by name, merges resolved."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    except FileNotFoundError:
        raise StudyError(f"{path}: expected the graph of stages, found none") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"{path}: expected stages in YAML, got {reason}; correct it") from None
