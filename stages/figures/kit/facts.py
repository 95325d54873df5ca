"""What figures, captions and the HTML report state: metrics, tables and counts, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.measures.members import scans
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.report import ReportParams
from stages.statistics.questions.paper import SIMULATED
from stages.storage.files import read_json
from stages.storage.tables import read_table
from stages.study import layout, schema
from stages.study.subjects import subject_map

ANALYSE = "analyse"  # the stage whose tables are read


@dataclass(frozen=True)
class Facts:
    """Results of the study, and the parameters that they are shown by."""

    metrics: Mapping[str, Any]
    """Metrics file without folder and suffix -> its content."""
    ensembles: EnsembleParams
    subject_of: Mapping[str, str]
    """Scan -> subject."""
    params: AnalyseParams
    report: ReportParams
    cv: pd.DataFrame
    """plots/analyse/cv.csv; this and the tables below have no rows where they are missing."""
    bias: pd.DataFrame
    """plots/analyse/bias.csv."""
    outliers: pd.DataFrame
    """plots/analyse/outliers.csv."""

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
        """What the study is about, in the order of the parameters: architectures, other images."""
        return self.ensembles.studied

    @property
    def trained(self) -> bool:
        """Whether networks are trained here, from k-space; otherwise all is from elsewhere."""
        return bool(self.ensembles.architectures)

    @property
    def imaged(self) -> tuple[str, ...]:
        """The groups that have images."""
        return self.ensembles.imaged

    @property
    def skipped(self) -> Mapping[str, str]:
        """Question that was not asked -> why."""
        found: Mapping[str, str] = self.get("skipped") or {}
        return found

    @property
    def varying(self) -> tuple[str, ...]:
        """The groups of several members: architectures and noise."""
        return self.ensembles.variable

    @property
    def shown(self) -> tuple[str, ...]:
        """Those of them that are no draws of one network."""
        found = self.ensembles.all
        return tuple(g.name for g in found if g.kind.repeated and not g.of_group)

    @property
    def rescans(self) -> tuple[str, ...]:
        """The groups of subjects that were scanned again."""
        return self.ensembles.named(of=lambda kind: kind.rescanned)

    @property
    def compared(self) -> tuple[str, ...]:
        """The groups that are compared with the fully sampled scans; no draws, baselines last."""
        found = self.ensembles.all
        return tuple(g.name for g in found if not (g.kind.target or g.of_group))

    @property
    def members(self) -> dict[str, tuple[int, ...]]:
        """Architecture -> seeds of its members."""
        return {name: self.ensembles.members(name) for name in self.groups}

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures, in the order of the parameters."""
        return self.params.structures

    @property
    def n_scans(self) -> int:
        """Validation scans."""
        return len(self.subject_of)

    @property
    def n_subjects(self) -> int:
        """Independent subjects among the scans."""
        return len(set(self.subject_of.values()))

    @property
    def simulated(self) -> bool:
        """Whether the cohort is one of digital phantoms, with diseases or without."""
        return bool(self.get("paper", "cohort") == SIMULATED)


def load_facts() -> Facts:
    """Return the facts of the study in the current directory, whatever of it is there."""
    params, ensembles = AnalyseParams.load(), EnsembleParams.load()
    found = study_scans(ensembles)
    paths = sorted(layout.METRICS.glob("*/*.json"))
    return Facts(
        metrics={path.stem: read_json(path) for path in paths},
        ensembles=ensembles,
        subject_of=subject_map(found, params.subject_pattern, params.subject_table),
        params=params,
        report=ReportParams.load(),
        cv=known("cv", ["group", "subject", "structure", "cv"]),
        bias=known("bias", ["group", "subject", "structure", "bias"]),
        outliers=known("outliers", ["group", "member", "psnr", "ssim", "volume", "flagged"]),
    )


def study_scans(ensembles: EnsembleParams) -> list[str]:
    """Return the scans of the study, in the order of the reference or else of the first group."""
    target = ensembles.target
    if target and target.imaged:
        return scans()
    table = schema.VOLUMES.path(target.name if target else ensembles.groups[0])
    return list(dict.fromkeys(read_table(table, ["subject"])["subject"]))


def known(name: str, columns: list[str]) -> pd.DataFrame:
    """Return a table that `analyse` wrote; one without rows where the file is missing."""
    there = layout.table(ANALYSE, name).exists()
    return analysed(name, columns) if there else pd.DataFrame(columns=columns)


def analysed(name: str, columns: list[str]) -> pd.DataFrame:
    """Return a table that `analyse` wrote; `StudyError` if it is missing or lacks a column."""
    return read_table(layout.table(ANALYSE, name), columns)
