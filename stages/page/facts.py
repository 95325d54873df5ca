"""What the page is written from: metrics, tables and counts, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.measures.members import scans
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.storage.files import read_json
from stages.storage.tables import read_table
from stages.study import layout
from stages.study.subjects import exam_map


@dataclass(frozen=True)
class Facts:
    """Results of the study.

    metrics: file below metrics/, without suffix -> its content; members: architecture -> seeds;
    exams: scan -> exam; cv, bias, outliers: tables of plots/, without rows where they are missing.
    """

    metrics: Mapping[str, Any]
    members: Mapping[str, tuple[int, ...]]
    exams: Mapping[str, str]
    params: AnalyseParams
    cv: pd.DataFrame
    bias: pd.DataFrame
    outliers: pd.DataFrame

    def get(self, *keys: str) -> Any:
        """Return what stands at a file name and the keys below it, None where there is nothing."""
        part: Any = self.metrics
        for key in keys:
            if not isinstance(part, Mapping) or key not in part:
                return None
            part = part[key]
        return part

    @property
    def groups(self) -> tuple[str, ...]:
        """The architectures, in the order of the parameters."""
        return tuple(self.members)

    @property
    def n_scans(self) -> int:
        """Validation scans."""
        return len(self.exams)

    @property
    def n_exams(self) -> int:
        """Independent exams among the scans."""
        return len(set(self.exams.values()))

    @property
    def simulated(self) -> bool:
        """Whether the cohort is one of digital heads."""
        return self.get("paper", "cohort") == "simulated"


def load_facts(ensembles: EnsembleParams, params: AnalyseParams) -> Facts:
    """Read metrics/*.json and the tables of plots/ that the page needs."""
    paths = sorted(layout.METRICS.glob("*.json"))
    return Facts(
        metrics={path.stem: read_json(path) for path in paths},
        members={name: ensembles.members(name) for name in ensembles.architectures},
        exams=exam_map(scans(), params.exam_pattern, params.exam_table),
        params=params,
        cv=table("cv", ["group", "subject", "structure", "cv"]),
        bias=table("bias", ["group", "subject", "structure", "bias"]),
        outliers=table("outliers", ["group", "member", "psnr", "ssim", "volume", "flagged"]),
    )


def table(name: str, columns: list[str]) -> pd.DataFrame:
    """Read a table of plots/; one without rows where the file is missing."""
    path = layout.PLOTS / f"{name}.csv"
    return read_table(path, columns) if path.exists() else pd.DataFrame(columns=columns)
