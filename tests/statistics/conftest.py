"""Cohorts that hold only what a question needs."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.statistics.cohort import Cohort
from tests.fabricated import ROOT


def ensembles(architectures: tuple[str, ...] = ("unet", "rim"), n_members: int = 3):
    """Return ensembles of some architectures, of noise, and one baseline."""
    seeds = tuple(range(n_members))
    groups = dict.fromkeys((*architectures, "noise"), seeds)
    return EnsembleParams.model_validate({**groups, "baselines": ("zero_filled",)})


def cohort_of(**tables: Any) -> Cohort:
    """Return a cohort of some tables; all others are None, but for the groups and no answers."""
    nothing = dict.fromkeys(field.name for field in fields(Cohort))
    return Cohort(**nothing | {"ensembles": ensembles(), "answers": {}} | tables)


def parameters(**changed: Any) -> AnalyseParams:
    """Return the default study's parameters of `analyse`, some of them changed."""
    section = yaml.safe_load(Path(ROOT / "params.yaml").read_text(encoding="utf-8"))["analyse"]
    return AnalyseParams.model_validate(section | changed)


def scan_volumes(volume_mm3: dict[tuple[str, str, str], list[float]]) -> pd.DataFrame:
    """Return a tidy table: (group, structure, subject) -> the volume of each member."""
    rows = [
        (group, member, subject, structure, value)
        for (group, structure, subject), values in volume_mm3.items()
        for member, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["group", "member", "subject", "structure", "volume_mm3"])
