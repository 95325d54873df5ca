"""The answers of the same study by another segmenter, kept in a small file of metrics/.

`python -m stages publish --beside REVISION --keep` writes it, the stage `report` reads it if it is
there. It names no revision, only what its numbers rest on (`stages/provenance/basis.py`), so that
they are shown only beside those of the same images, code and parameters.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from stages.figures.kit.facts import Facts
from stages.page.sources import dependencies
from stages.params.segment import SegmentParams
from stages.provenance.basis import Basis, images, others
from stages.segmenters.catalogue import KINDS, kind_of
from stages.storage.files import md5, read_mapping
from stages.study import layout
from stages.study.errors import StudyError

FILE = layout.METRICS / "other_segmenter.json"
METRICS = (
    "volumes",
    "prediction",
    "inference",
    "surrogates",
    "slopes",
)  # of `analyse`, as the tables
TABLES = ("cv", "outliers")  # what the certainty of a lead is computed from
REMAKE = "run the study by the other segmenter again, then `python -m stages publish --beside"
AGAIN = f"{REMAKE} REVISION --keep`"


class Strict(BaseModel):
    """A part of the file: unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Segmenter(Strict):
    """Who measured."""

    method: str
    weights: str
    md5: str
    """Of the weights."""
    mode: str | None = None
    """None for methods without modes; so is `fast`."""
    fast: bool | None = None

    @classmethod
    def of(cls, params: SegmentParams, digest: str) -> Self:
        """Return the segmenter that parameters choose, with the MD5 of its weights."""
        chosen = {key: getattr(params, key) for key in kind_of(params).options}
        return cls(method=params.method, weights=params.weights, md5=digest, **chosen)

    @classmethod
    def present(cls) -> Self:
        """Return the segmenter of the study in the current directory."""
        params = SegmentParams.load()
        path = Path(params.weights)
        return cls.of(params, md5(path) if path.is_file() else "")

    @property
    def name(self) -> str:
        """The method as it is printed."""
        return KINDS[self.method].title(self.weights) if self.method in KINDS else self.method

    @property
    def spoken(self) -> str:
        """The method in a sentence."""
        return KINDS[self.method].spoken(self.weights) if self.method in KINDS else self.method

    @property
    def described(self) -> str:
        """Method, weights and what else was chosen."""
        options = [Path(self.weights).name, self.mode, "fast" if self.fast else None]
        return f"{self.name} ({', '.join(part for part in options if part)})"

    def same(self, other: "Segmenter") -> bool:
        """Return whether both measure alike; where the weights lie does not count."""
        return self.model_dump(exclude={"weights"}) == other.model_dump(exclude={"weights"})


class Kept(Strict):
    """Answers by another segmenter."""

    segmenter: Segmenter
    basis: Basis
    """What they rest on."""
    metrics: dict[str, dict[str, Any]]
    """File -> content."""
    cv: dict[str, dict[str, dict[str, float]]]
    """Group -> structure -> scan -> CV (%)."""
    cv_without: dict[str, dict[str, float]]
    """Group -> member that is left out -> median CV (%)."""

    def facts(self, own: Facts) -> Facts:
        """Return what the HTML report is written from, as the other segmenter has it."""
        cells = [
            (group, subject, structure, value)
            for group, by_structure in self.cv.items()
            for structure, by_subject in by_structure.items()
            for subject, value in by_subject.items()
        ]
        left_out = [
            (group, int(member), value)
            for group, by_member in self.cv_without.items()
            for member, value in by_member.items()
        ]
        return replace(
            own,
            metrics=self.metrics,
            cv=pd.DataFrame(cells, columns=["group", "subject", "structure", "cv"]),
            bias=own.bias.iloc[:0],
            outliers=pd.DataFrame(left_out, columns=["group", "member", "cv_without"]),
        )


def kept(
    segmenter: Segmenter,
    basis: Basis,
    metrics: Mapping[str, dict[str, Any]],
    cv: pd.DataFrame,
    outliers: pd.DataFrame,
) -> Kept:
    """Return what is kept of a study.

    Args:
        segmenter: who measured.
        basis: what the numbers rest on.
        metrics: metrics file of `analyse`, without suffix -> its content.
        cv: columns group, structure, subject, cv, as in plots/analyse/cv.csv.
        outliers: columns group, member, cv_without, as in plots/analyse/outliers.csv.
    """
    cells: dict[str, dict[str, dict[str, float]]] = {}
    for row in cv.dropna(subset=["cv"]).itertuples():
        by_structure = cells.setdefault(str(row.group), {})
        by_structure.setdefault(str(row.structure), {})[str(row.subject)] = float(row.cv)
    left_out: dict[str, dict[str, float]] = {}
    for row in outliers.dropna(subset=["cv_without"]).itertuples():
        left_out.setdefault(str(row.group), {})[str(row.member)] = float(row.cv_without)
    return Kept(
        segmenter=segmenter,
        basis=basis,
        metrics={name: metrics[name] for name in METRICS},
        cv=cells,
        cv_without=left_out,
    )


def load(path: Path = FILE) -> Kept | None:
    """Read the file, None where there is none; raise `StudyError` if it is damaged."""
    if not path.is_file():
        return None
    try:
        return Kept.model_validate(read_mapping(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise StudyError(
            f"{path}: '{key}': {first['msg'].lower()}; delete it, or {AGAIN}"
        ) from None


def fault(found: Kept, basis: Basis, segmenter: Segmenter) -> str | None:
    """Return why another segmenter's answers may not stand beside the present study's.

    Args:
        found: the answers.
        basis: of the present study.
        segmenter: of the present study.
    """
    if found.segmenter.same(segmenter):
        return f"expected another segmenter than {segmenter.described} of this study, got the same"
    differing = others(basis, found.basis)
    if differing:
        more = f" and {len(differing) - 1} more differ" if len(differing) > 1 else " differs"
        reconstructions = differing[0] in images({**found.basis, **basis})
        what = "the reconstructions" if reconstructions else "the code and the parameters"
        return f"expected {what} of this study, got others: {differing[0]}{more}"
    return _changed(found.segmenter)


def concerns(found: Kept, basis: Basis) -> bool:
    """Return whether another segmenter measured any image of the present study.

    Args:
        found: the answers; those in Git are the default study's, and stay there when other
            parameters make a study of other scans.
        basis: of the present study.
    """
    known = images(basis).items()
    return any(digest and found.basis.get(name) == digest for name, digest in known)


def _changed(segmenter: Segmenter) -> str | None:
    """Return that the other segmenter has changed since, where the report depends on its file."""
    path = Path(segmenter.weights)
    if segmenter.weights not in dependencies("deps") or not path.is_file():
        return None
    if (found := md5(path)) == segmenter.md5:
        return None
    return f"expected {path} of MD5 {segmenter.md5}, got {found}"
