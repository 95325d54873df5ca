"""The study as tidy tables: what its questions are put to, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.noise import NoiseParams
from stages.statistics.answer import Answer
from stages.statistics.methods.bias import bias_table
from stages.statistics.methods.gaps import grid
from stages.statistics.methods.variability import cv_table
from stages.storage.tables import read_table
from stages.study import layout, schema
from stages.study.groups import ADDED_NOISE, FULLY_SAMPLED
from stages.study.schema import SIDES, Table
from stages.study.structures import STRUCTURES
from stages.study.subjects import subject_map


@dataclass(frozen=True)
class Cohort:
    """Tidy tables of all groups: the columns of `study/schema.py`, the structures of the study."""

    ensembles: EnsembleParams
    """The groups and their members."""

    noise: NoiseParams
    """Parameters of the noise ensemble."""

    subject_of: dict[str, str]
    """Scan -> subject, in the order of the study."""

    volumes: pd.DataFrame
    """Of all groups but the reference, one row a member, scan and structure."""

    reference: pd.DataFrame
    """Volumes of the fully sampled scans."""

    truth: pd.DataFrame | None
    """Volumes of the digital phantoms; None where they are not known."""

    intracranial: pd.DataFrame | None
    """Columns group, member, subject, total_mm3: the sum of all labels; None if some are absent."""

    sides: pd.DataFrame | None
    """Columns of `SIDES`, of all groups; None where left and right are merged."""

    cv: pd.DataFrame
    """Columns of `cv_table`, of all ensembles."""

    bias: pd.DataFrame
    """Columns of `bias_table`, against the reference, of all groups but the reference."""

    draws: pd.DataFrame | None
    """Volumes of repeated segmentations of the same images; None if there are none."""

    quality: pd.DataFrame
    """Image quality of networks and baselines."""

    regions: pd.DataFrame
    """Summaries of the voxelwise SD of the networks, one row a structure-scan pair."""

    halves: pd.DataFrame
    """The same of both halves of the members."""

    histograms: pd.DataFrame
    """Histograms of the voxelwise standard deviation of the networks."""

    surrogates: pd.DataFrame
    """Other surrogates of the volume uncertainty of the networks."""

    half_surrogates: pd.DataFrame
    """The same of both halves of the members, the voxelwise SD among them."""

    overlap: pd.DataFrame
    """Agreement of the segmentations of all groups with the reference's, and with the truth."""

    changes: pd.DataFrame
    """Apparent changes of volume by deformation, of all groups but the reference."""

    snr: pd.DataFrame
    """Measured signal-to-noise ratio of the noise ensemble, one row a scan."""

    curves: pd.DataFrame
    """Training curves: columns group, seed, step and `schema.CURVES`."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Answers to the questions before the one that is asked."""

    @property
    def groups(self) -> list[str]:
        """Return the networks with volumes, in the order of the study."""
        return list(dict.fromkeys(self.networks(self.volumes)["group"]))

    @property
    def compared(self) -> tuple[str, ...]:
        """Return all groups but the reference."""
        return self.ensembles.compared

    @property
    def accelerated(self) -> tuple[str, ...]:
        """Return the groups of undersampled images: networks and baselines."""
        return self.ensembles.scored

    def networks(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that are of trained networks."""
        return table[table["group"].isin(self.ensembles.architectures)].reset_index(drop=True)


def of(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return the rows of one group."""
    return table[table["group"] == group]


def read_cohort(ensembles: EnsembleParams, noise: NoiseParams, params: AnalyseParams) -> Cohort:
    """Read the tables of all groups.

    Raises:
        StudyError: if a table is missing or damaged, or an ensemble has fewer than two members.
    """
    whole = _group_table(schema.VOLUMES, FULLY_SAMPLED.name)
    subjects = list(dict.fromkeys(whole["subject"]))
    joined = partial(_joined, structures=params.structures, subjects=subjects)
    networks, compared = ensembles.architectures, ensembles.compared
    volumes = joined(schema.VOLUMES, compared)
    reference = grid(whole, params.structures, subjects)[0]
    drawn = all(schema.DRAWS.path(group).exists() for group in networks)
    everything = (FULLY_SAMPLED.name, *compared)
    sided = all(SIDES.path(group).exists() for group in everything)
    return Cohort(
        ensembles=ensembles,
        noise=noise,
        subject_of=subject_map(subjects, params.subject_pattern, params.subject_table),
        volumes=volumes,
        reference=reference,
        truth=_true_volumes(params.structures, subjects),
        intracranial=intracranial_volumes(
            _concatenated([_group_table(schema.VOLUMES, group) for group in everything])
        ),
        sides=joined(SIDES, everything) if sided else None,
        cv=pd.concat(
            [cv_table(of(volumes, group)) for group in ensembles.variable], ignore_index=True
        ),
        bias=pd.concat(
            [bias_table(of(volumes, group), reference) for group in compared], ignore_index=True
        ),
        draws=joined(schema.DRAWS, networks) if drawn else None,
        quality=joined(schema.QUALITY, ensembles.scored),
        regions=joined(schema.REGIONS, networks),
        halves=joined(schema.HALVES, networks),
        histograms=joined(schema.HISTOGRAMS, networks),
        surrogates=joined(schema.SURROGATES, networks),
        half_surrogates=joined(schema.HALF_SURROGATES, networks),
        overlap=joined(schema.OVERLAP, ensembles.groups),
        changes=joined(schema.DEFORMATION, compared),
        snr=_group_table(schema.SNR, ADDED_NOISE),
        curves=_curves(ensembles),
    )


def _true_volumes(structures: tuple[str, ...], subjects: list[str]) -> pd.DataFrame | None:
    path = schema.TRUE_VOLUMES.path()
    if not path.exists():
        return None
    return grid(read_table(path, schema.TRUE_VOLUMES.columns), structures, subjects)[0]


def intracranial_volumes(volumes: pd.DataFrame) -> pd.DataFrame | None:
    """Return the intracranial volume of each image, the sum of all labels as in SynthSeg's table.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.

    Returns:
        Columns group, member, subject, total_mm3; None unless every image has all labels.
    """
    names = [entry.name for entry in STRUCTURES]
    known = volumes[volumes["structure"].isin(names)]
    images = known.groupby(["group", "member", "subject"], sort=False)["volume_mm3"]
    if images.ngroups == 0 or (images.count() < len(names)).any():
        return None
    return images.sum().rename("total_mm3").reset_index()


def _group_table(table: Table, group: str) -> pd.DataFrame:
    return read_table(table.path(group), table.columns)


def _joined(
    table: Table, groups: tuple[str, ...], structures: tuple[str, ...], subjects: list[str]
) -> pd.DataFrame:
    """Return one table of several groups, rows of the study's structures in their order."""
    found = _concatenated([_group_table(table, group) for group in groups])
    return grid(found, structures, subjects)[0] if "structure" in table.units else found


def _concatenated(tables: list[pd.DataFrame]) -> pd.DataFrame:
    # an empty table has columns of no type
    return pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)


def _curves(ensembles: EnsembleParams) -> pd.DataFrame:
    """Return the training curves of all members; adopted members have none."""
    columns = ["step", *schema.CURVES]
    tables = [
        read_table(layout.model(group, seed) / layout.CURVES, columns)[columns].assign(
            group=group, seed=seed
        )
        for group in ensembles.architectures
        for seed in ensembles.members(group, at_least=2)
    ]
    return _concatenated(tables)
