"""Answers by another segmenter, read from a branch, commit or experiment of this repository."""

import io
from pathlib import Path
from typing import Any

import pandas as pd

from stages.figures.kit.facts import ANALYSE
from stages.page.other_segmenter import METRICS, REMAKE, TABLES, Kept, Segmenter, fault, kept
from stages.params.ensembles import EnsembleParams
from stages.params.section import FILE, parse
from stages.params.segment import SegmentParams
from stages.pipeline.revisions import Recorded, read_recorded
from stages.provenance.basis import Basis, code, folders, present, sections
from stages.storage.text import parse_json, parse_yaml
from stages.study import layout
from stages.study.errors import StudyError

METRIC_FILES = {name: layout.metric(ANALYSE, name).as_posix() for name in METRICS}
TABLE_FILES = {name: layout.table(ANALYSE, name).as_posix() for name in TABLES}


def read_kept(name: str) -> Kept:
    """Return the answers of a revision that may stand beside the present study's.

    Args:
        name: a branch, a commit or an experiment.

    Raises:
        StudyError: if the revision has other images, code or parameters, or the same segmenter.
    """
    wanted = [str(FILE), *METRIC_FILES.values(), *TABLE_FILES.values()]
    recorded = read_recorded(name, wanted)
    found = kept_of(name, recorded)
    why = fault(found, present(EnsembleParams.load()), Segmenter.present())
    if why:
        same = found.segmenter.same(Segmenter.present())
        remedy = "name another revision" if same else f"{REMAKE} {name}`"
        raise StudyError(f"revision '{name}': {why}; {remedy}")
    return found


def kept_of(name: str, recorded: Recorded) -> Kept:
    """Return the answers of a revision, whatever they rest on."""
    text = recorded.texts
    try:
        params = parse_yaml(text[str(FILE)])
        metrics = {key: parse_json(text[path]) for key, path in METRIC_FILES.items()}
        tables = {key: pd.read_csv(io.StringIO(text[path])) for key, path in TABLE_FILES.items()}
    except ValueError as error:
        raise StudyError(
            f"revision '{name}': expected params.yaml, metrics/ and plots/ of a finished study, got"
            f" {type(error).__name__} ({error})"
        ) from None
    path = Path(f"{name}:{FILE}")
    segment = parse(SegmentParams, "segment", params.get("segment"), path)
    segmenter = Segmenter.of(segment, recorded.hashes.get(segment.weights, ""))
    return kept(segmenter, basis(recorded, params, path), metrics, **tables)


def basis(recorded: Recorded, params: dict[str, Any], path: Path) -> Basis:
    """Return what a revision's numbers rest on, by the hashes that DVC recorded."""
    ensembles = parse(EnsembleParams, "ensembles", params.get("ensembles"), path)
    names = [*folders(ensembles), *code()]
    return {name: recorded.hashes.get(name, "") for name in names} | sections(params)
