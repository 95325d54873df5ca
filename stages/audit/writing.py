"""The folder of an audit: stages, parameters, the study's code, and a repository of DVC."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.audit.asked import Audit, moved, relative, sources_of
from stages.params.external import ExternalParams, ExternalSection
from stages.params.overlays import Document, edited, edits_of_mapping
from stages.params.section import FILE, mapping_text, read
from stages.params.segment import SegmentParams
from stages.storage.files import PARTIAL, atomic_path
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import FULLY_SAMPLED, interpolation_of

ROOT = layout.WEIGHTS.parent  # of the study that this code belongs to
CODE = "stages"
WEIGHTS = ("weights", "parcellation", "networks")  # keys of section segment
COPIED = ("requirements.txt", "LICENSE", ".dvcignore")
IGNORED = "work/\n__pycache__/\n.venv\n"
TEMPLATES = Path(__file__).with_name("templates")
GRAPH = Path("dvc.yaml")
BESIDE = Path("external/dvc.yaml")  # of the groups from elsewhere of a study of k-space
SECTIONS = {True: ("compute", "segment", "measure", "deformation"), False: ()}
"""Of the default parameters beside `analyse` and `report`, by whether there are images."""
HEAD = "# {title}: where everything lies, and how it is analysed. Written by init-audit.\n\n"


def write(folder: Path, audit: Audit) -> None:
    """Write all that `dvc repro` needs into an empty or new folder.

    Raises:
        StudyError: if the folder holds something, or Git or DVC do not start there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(f"{folder}: expected a new or empty folder, got one in use; name another")
    folder.mkdir(parents=True, exist_ok=True)
    ignore = shutil.ignore_patterns("__pycache__", f"{PARTIAL}*")
    shutil.copytree(ROOT / CODE, folder / CODE, ignore=ignore)
    for name in COPIED:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, folder / name)
    if audit.imaged:
        shutil.copytree(layout.WEIGHTS, folder / layout.WEIGHTS.name)
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    (folder / FILE).write_text(parameters(folder, audit), encoding="utf-8")
    (folder / "README.md").write_text(readme(folder, audit), encoding="utf-8")
    write_graph(folder, {name: moved(p, folder) for name, p in audit.groups.items()})
    start(folder)


def write_graph(folder: Path, groups: Mapping[str, ExternalParams]) -> None:
    """Write dvc.yaml.

    Args:
        folder: of the audit.
        groups: with paths relative to it.
    """
    imaged = any(params.imaged for params in groups.values())
    with atomic_path(folder / GRAPH) as path:
        path.write_text(graph(folder, groups, imaged=imaged), encoding="utf-8")


def graph(folder: Path, groups: Mapping[str, ExternalParams], *, imaged: bool) -> str:
    """Return the text of dvc.yaml."""
    method = read(folder / FILE).get("segment", {}).get("method")
    shown = listed(folder, groups, target=False, method=method)
    if NAMED not in groups:
        shown[0]["leads"] = True
    known = NAMED in groups
    where = {"wdir": "", "reference": known, "reference_listed": known}
    template = environment().get_template("images.yaml.j2" if imaged else "volumes.yaml.j2")
    return template.render(
        groups=shown, weights=", ".join(f'"${{segment.{key}}}"' for key in WEIGHTS), **where
    )


def beside(folder: Path, groups: Mapping[str, ExternalParams], segmenter: SegmentParams) -> str:
    """Return the text of external/dvc.yaml, of groups beside those of a study of k-space.

    Args:
        folder: of the study.
        groups: of images, with paths relative to it.
        segmenter: of the study.
    """
    where = {"wdir": "..", "reference": True, "reference_listed": False}
    template = environment().get_template("external.yaml.j2")
    shown = listed(folder, groups, target=True, method=segmenter.method)
    names = ", ".join(json.dumps(getattr(segmenter, key)) for key in WEIGHTS)
    return template.render(groups=shown, weights=names, **where)


def listed(
    folder: Path, groups: Mapping[str, ExternalParams], *, target: bool, method: str | None
) -> list[dict[str, Any]]:
    """Return what the templates show of each group, and the files that DVC watches.

    Args:
        folder: of the audit.
        groups: with paths relative to it.
        target, method: as in `ExternalSection.interpolated`.
    """
    section = ExternalSection.model_validate(dict(groups))
    resampled = section.interpolated(target=target, method=method)
    shown = []
    for name, params in groups.items():
        key = {"volumes", "table", "folder", "bids"} & params.model_fields_set
        there = params.model_copy(update={k: str(folder / params.source) for k in key})
        files = [json.dumps(relative(path, folder)) for path in sources_of(name, there)]
        control = interpolation_of(name).name if name in resampled else None
        what: dict[str, Any] = {"name": name, "from": name, "sources": files, "control": control}
        shown.append(what | {"target": name == NAMED, "leads": False})
        if control:  # segmented and measured as any group, made with the images of its own
            shown.append(what | {"name": control, "sources": [], "control": None})
            shown[-1] |= {"target": False, "leads": False}
    return shown


NAMED = FULLY_SAMPLED.name


def environment() -> Environment:
    """Return the environment of the templates, in which a missing name is an error."""
    options: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    loader = FileSystemLoader(TEMPLATES)
    return Environment(
        loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, **options
    )


def parameters(folder: Path, audit: Audit) -> str:
    """Return the text of params.yaml: the groups, and the study's own sections for the rest."""
    text = mapping_text(ROOT / FILE)
    names = (*SECTIONS[audit.imaged], "analyse", "report")
    base = Document("\n".join(section_text(text, name) for name in names))
    studied = [name for name in audit.groups if name != NAMED]
    over = Document(
        yaml.safe_dump(
            {
                "analyse": {"structures": list(audit.structures), "subject_table": None},
                "report": {"architecture": (studied or list(audit.groups))[0]},
            }
            | ({"segment": dict(audit.segment)} if audit.segment else {}),
            sort_keys=False,
        )
    )
    pairs = over.root.value
    body = edited(base.text, list(edits_of_mapping(base, base.root, over, pairs, ())))
    groups = {
        name: moved(params, folder).model_dump(exclude_defaults=True)
        for name, params in audit.groups.items()
    }
    own = yaml.safe_dump({"external": groups}, sort_keys=False, allow_unicode=True)
    return HEAD.format(title=title(audit)) + own + "\n" + body


def section_text(text: str, name: str) -> str:
    """Return the lines of a top-level key of a YAML text, with the comments behind its values."""
    document = Document(text)
    pairs = document.root.value
    place = next(k for k, (key, _) in enumerate(pairs) if key.value == name)
    first = pairs[place][0].start_mark.index
    last = pairs[place + 1][0].start_mark.index if place + 1 < len(pairs) else len(text)
    return text[first:last].rstrip() + "\n"


def title(audit: Audit) -> str:
    """Return the title of an audit."""
    return f"An audit of {'images' if audit.imaged else 'volumes'}"


def readme(folder: Path, audit: Audit) -> str:
    """Return the text of README.md."""
    known = NAMED in audit.groups
    return (
        environment()
        .get_template("README.md.j2")
        .render(
            title=title(audit),
            groups=[{"name": name} for name in audit.groups if name != NAMED] or [{"name": NAMED}],
            against=", compared with a reference of the same scans" if known else ", no reference",
            things="images" if audit.imaged else "volumes",
        )
    )


def start(folder: Path) -> None:
    """Make the folder a repository of Git and DVC."""
    dvc = [sys.executable, "-m", "dvc"]
    calls = [
        ["git", "init", "-q"],
        [*dvc, "init", "-q"],
        [*dvc, "config", "core.analytics", "false"],
        [*dvc, "config", "core.autostage", "true"],
    ]
    for call in calls:
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            words = " ".join((done.stderr or done.stdout).split())
            raise StudyError(f"{folder}: expected `{' '.join(call[-3:])}` to work, got: {words}")
