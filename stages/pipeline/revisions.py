"""Parameters and metrics of branches, commits and experiments of this repository."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stages.errors import StudyError

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Revision:
    """A finished study. metrics: file below metrics/, without suffix -> its content."""

    name: str
    params: dict[str, Any]
    metrics: dict[str, dict[str, Any]]


def leaf(tree: Any, key: str) -> float | None:
    """Return the number at a dotted key, None where there is none."""
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return None
        tree = tree[part]
    number = isinstance(tree, int | float) and not isinstance(tree, bool)
    return float(tree) if number else None


def read_revision(name: str, files: Collection[str]) -> Revision:
    """Return parameters and metrics of a branch, commit or experiment of this repository.

    Args:
        name: as `dvc exp show` or Git names it.
        files: metrics below metrics/, without suffix.

    Raises:
        StudyError: if there is no such revision, or it has no parameters or metrics.
    """
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        params = dvc.api.params_show(PARAMS, rev=name)
        metrics = {
            each: dvc.api.metrics_show(f"metrics/{each}.json", rev=name) for each in sorted(files)
        }
        for each, tree in metrics.items():
            if not isinstance(tree, dict):
                raise TypeError(f"metrics/{each}.json holds {type(tree).__name__}")
        return Revision(name, params, metrics)
    except (DvcException, SCMError, FileNotFoundError, TypeError, ValueError) as error:
        raise StudyError(
            f"revision '{name}': expected params.yaml and metrics/ of a finished study, got"
            f" {type(error).__name__} ({error}); see `dvc exp show` for the names"
        ) from None


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return dotted key -> value of nested mappings; lists are values."""
    result = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def differing(params: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the parameters that differ: dotted key -> revision -> value, None where missing.

    Args:
        params: revision -> content of its params.yaml.
    """
    each = {name: flat(tree) for name, tree in params.items()}
    keys = dict.fromkeys(key for values in each.values() for key in values)
    found = {key: {name: values.get(key) for name, values in each.items()} for key in keys}
    return {
        key: values
        for key, values in found.items()
        if any(value != next(iter(values.values())) for value in values.values())
    }
