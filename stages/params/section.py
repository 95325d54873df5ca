"""Reading one section of params.yaml strictly."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from stages.storage.reading import Kind, reading
from stages.storage.text import parse_yaml, read_text
from stages.study.errors import StudyError

FILE = Path("params.yaml")
SHOWN = 120  # characters of a wrong value
RECIPES = Path("params.segmenters.yaml")  # of the frozen stages that make the segmenters
ELSEWHERE = "external"  # of groups that others made; most studies have none
SECTIONS = (
    "ensembles",
    ELSEWHERE,
    "draws",
    "compute",
    "phantom",
    "data",
    "mask",
    "train",
    "reconstruct",
    "compressed_sensing",
    "noise",
    "segment",
    "measure",
    "deformation",
    "analyse",
    "report",
)
RECIPE_SECTIONS = ("segmenter", "atlas")
SECTIONS_OF = {RECIPES.name: RECIPE_SECTIONS}
"""Sections of a parameter file by its name; `SECTIONS` of any other."""


class Section(BaseModel):
    """A part of params.yaml: unknown keys and wrong types are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    section: ClassVar[str] = ""

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Return this section; raise `StudyError` with the path of the key that is wrong."""
        return parse(cls, cls.section, section_of(read(path), cls.section, path), path)


class RecipeSection(Section):
    """A part of params.segmenters.yaml."""

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Return this section of the file beside `path`, which is that of params.yaml."""
        return super().load(path.with_name(RECIPES.name))


def sections_of(path: Path) -> tuple[str, ...]:
    """Return the sections that a parameter file has."""
    return SECTIONS_OF.get(path.name, SECTIONS)


def kind_of(path: Path) -> Kind:
    """Return what a parameter file should be; Git has those of the study, not the user's own."""
    known = path.name in (FILE.name, RECIPES.name)
    missing = f"`git checkout -- {path}` restores it" if known else "check the path, or write it"
    return Kind("the parameters as YAML", missing, "correct it")


def mapping_text(path: Path) -> str:
    """Return the text of a parameter file; raise `StudyError` unless it is a mapping in YAML."""
    text = read_text(path, kind_of(path))
    with reading(path, kind_of(path)):
        content = parse_yaml(text)
    if not isinstance(content, dict):
        raise StudyError(
            f"{path}: expected sections {', '.join(sections_of(path))}, got {shown(content)}"
        )
    return text


def read(path: Path = FILE) -> dict[str, Any]:
    """Read the whole parameter file; raise `StudyError` if a top-level key is not a section."""
    content: dict[str, Any] = parse_yaml(mapping_text(path))
    for key in content:
        if key not in (known := sections_of(path)):
            raise StudyError(unknown_key(path, str(key), list(known)))
    return content


def section_of(content: dict[str, Any], name: str, path: Path = FILE) -> Any:
    """Return the part of the file at a dotted name; raise `StudyError` if it is missing."""
    part: Any = content
    for key in name.split("."):
        if not isinstance(part, dict) or key not in part:
            raise StudyError(f"{path}: expected a section '{name}', found none; add it")
        part = part[key]
    return part


def parse[S: Section](kind: type[S], name: str, content: Any, path: Path = FILE) -> S:
    """Validate the content of a section; raise `StudyError` with the first fault in one line."""
    try:
        return kind.model_validate(_lists_to_tuples(content))
    except ValidationError as error:
        raise StudyError(_describe(error, kind, name, path)) from None


def _lists_to_tuples(content: Any) -> Any:
    # frozen sections hold tuples; strict pydantic does not take YAML's lists for them
    if isinstance(content, list):
        return tuple(_lists_to_tuples(value) for value in content)
    if isinstance(content, dict):
        return {key: _lists_to_tuples(value) for key, value in content.items()}
    return content


def _describe(error: ValidationError, kind: type[BaseModel], name: str, path: Path) -> str:
    fault = error.errors(include_url=False)[0]
    parts = [part for part in fault["loc"] if isinstance(part, int) or part.isidentifier()]
    key = ".".join([name, *(str(part) for part in parts)])
    if fault["type"] == "extra_forbidden":
        return unknown_key(path, key, _allowed(kind, parts[:-1]))
    if fault["type"] == "missing":
        return f"{path}: expected a value for '{key}', found none; add it"
    reason = fault["msg"].removeprefix("Value error, ").replace("valid tuple", "valid list")
    came = fault["input"]
    came = list(came) if isinstance(came, tuple) else came
    return f"{path}: '{key}': {reason[0].lower() + reason[1:]}, got {shown(came)}"


def shown(value: Any) -> str:
    """Return a value as a message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _allowed(kind: type[BaseModel], parts: list[Any]) -> list[str]:
    """Follow the location of a fault through nested sections to the keys allowed there."""
    for part in parts:
        kind = nested(kind, part) or kind
    return list(kind.model_fields)


def nested(kind: type[BaseModel], key: object) -> type[BaseModel] | None:
    """Return the schema of what stands at a key of a section; None where it has none of its own."""
    field = kind.model_fields.get(key) if isinstance(key, str) else None
    free = get_args(kind.__annotations__.get("__pydantic_extra__"))[1:]  # of keys that users choose
    found: Any = free[0] if field is None and free else field and field.annotation
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def unknown_key(path: Path, key: str, allowed: list[str]) -> str:
    """Return the error line for a key that is not allowed, with the nearest one that is."""
    near = get_close_matches(key.split(".")[-1], allowed, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{path}: unknown key '{key}'; allowed here: {', '.join(allowed)}{hint}"
