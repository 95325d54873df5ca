"""Parameters, metrics and recorded hashes of branches, commits and experiments."""

import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from stages.params.section import RECIPES
from stages.provenance.publication import is_publication, manifest
from stages.storage.files import read_mapping
from stages.storage.reading import Kind, reading
from stages.storage.text import parse_yaml, read_text
from stages.study import layout
from stages.study.errors import StudyError

PARAMS = "params.yaml"
PUBLISHED = Kind("parameters of a published study", "publish it anew", "restore the file")


@dataclass(frozen=True)
class Revision:
    """A finished study."""

    name: str
    params: dict[str, Any]  # of the study, and of the recipes of its segmenters
    metrics: dict[str, dict[str, Any]]  # of stage `analyse`: name -> content of the file


def leaf(tree: Any, key: str) -> float | None:
    """Return the number at a dotted key, None where there is none."""
    for part in key.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return None
        tree = tree[part]
    number = isinstance(tree, int | float) and not isinstance(tree, bool)
    return float(tree) if number else None


def read_revision(name: str, files: Collection[str], optional: Collection[str] = ()) -> Revision:
    """Return parameters and metrics of a branch, commit or experiment, or of a published study.

    Args:
        name: as `dvc exp show` or Git names it, or the folder of a publication.
        files: names of metrics of stage `analyse`.
        optional: names of further ones, which a study may not have: they are empty then.

    Raises:
        StudyError: if there is no such revision, or it has no parameters or metrics.
    """
    if is_publication(Path(name)):
        return published(Path(name), files, optional)
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        params = dvc.api.params_show(PARAMS, rev=name)
        with suppress(FileNotFoundError):  # older revisions have none
            params |= dvc.api.params_show(RECIPES.name, rev=name)
        paths = {each: layout.metric("analyse", each).as_posix() for each in sorted(files)}
        metrics = {each: dvc.api.metrics_show(path, rev=name) for each, path in paths.items()}
        for each in sorted(optional):
            metrics[each] = {}
            with suppress(FileNotFoundError, DvcException):
                path = layout.metric("analyse", each).as_posix()
                metrics[each] = dvc.api.metrics_show(path, rev=name)
        for each, tree in metrics.items():
            if not isinstance(tree, dict):
                raise TypeError(f"{each}.json holds {type(tree).__name__}")
        return Revision(name, params, metrics)
    except (DvcException, SCMError, FileNotFoundError, TypeError, ValueError) as error:
        raise StudyError(
            f"revision '{name}': expected {PARAMS} and metrics/ of a finished study, got"
            f" {type(error).__name__} ({error}); see `dvc exp show` for the names"
        ) from None


def published(folder: Path, files: Collection[str], optional: Collection[str] = ()) -> Revision:
    """Return parameters and metrics of a published study.

    Args:
        folder: of the publication, by which it is called.
        files: names of metrics of stage `analyse`.
        optional: names of further ones: empty where the study has none.

    Raises:
        StudyError: if a file is missing or unreadable.
    """
    manifest(folder)  # is it one of this format?
    params: dict[str, Any] = {}
    for each in (PARAMS, RECIPES.name):
        text = read_text(folder / each, PUBLISHED)
        with reading(folder / each, PUBLISHED):
            params |= parse_yaml(text) or {}
    paths = {each: folder / layout.metric("analyse", each) for each in sorted({*files, *optional})}
    metrics = {
        each: {} if each in optional and not path.exists() else read_mapping(path)
        for each, path in paths.items()
    }
    return Revision(str(folder), params, metrics)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return dotted key -> value of nested mappings; lists are values."""
    result: dict[str, Any] = {}
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


class Recorded(NamedTuple):
    """What a revision holds."""

    hashes: dict[str, str]  # by DVC, of each output and dependency
    texts: dict[str, str]  # by file


def read_recorded(name: str, files: Collection[str]) -> Recorded:
    """Return the hashes that DVC recorded in a revision, and the text of some of its files.

    Args:
        name: a branch, a commit or an experiment, as `dvc exp show` or Git names it.
        files: paths from the root of the study.

    Raises:
        StudyError: if there is no such revision, it lacks a file, or it is not finished: a file, or
            the folder of outputs that it lies in, is not the one that DVC has recorded.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import resolve_rev
    from scmrepo.exceptions import SCMError

    try:
        with Repo(".") as here:
            commit = resolve_rev(here.scm, name)
        with Repo(".", rev=commit) as repo:
            hashes = _hashes(name, repo)
            texts = {}
            for each in files:
                with repo.fs.open(repo.fs.join(repo.root_dir, each), encoding="utf-8") as stream:
                    texts[each] = stream.read()
            _check_folders(name, repo, files)
    except (DvcException, SCMError, OSError, ValueError) as error:
        raise StudyError(
            f"revision '{name}': expected a finished study, got {type(error).__name__} ({error});"
            " see `dvc exp show` for the names"
        ) from None
    for each, text in texts.items():
        found = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        if each in hashes and hashes[each] != found:
            raise unfinished(name, each)
    return Recorded(hashes, texts)


def _check_folders(name: str, repo: Any, files: Collection[str]) -> None:
    parents = {parent.as_posix() for each in files for parent in PurePosixPath(each).parents}
    for stage in repo.index.stages:
        for out in stage.outs:
            path = repo.fs.relpath(out.fs_path, repo.root_dir)
            if path in parents and out.changed_checksum():
                raise unfinished(name, path)


def _hashes(name: str, repo: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for stage in repo.index.stages:
        # a frozen stage is not run again when what it depends on changes
        for each in (*stage.outs, *(() if stage.frozen else stage.deps)):
            info = getattr(each, "hash_info", None)
            if not (info and info.value) or hasattr(each, "params"):
                continue  # parameters are one file of which stages read different parts
            path = repo.fs.relpath(each.fs_path, repo.root_dir)
            if found.setdefault(path, info.value) != info.value:
                raise unfinished(name, path)
    return found


def unfinished(name: str, path: str) -> StudyError:
    """Return the error that a revision's stages know two versions of one file."""
    return StudyError(
        f"revision '{name}': expected one version of {path} in dvc.lock, got several; finish that"
        " study with `dvc repro` and commit it"
    )
