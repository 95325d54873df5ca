"""The study as tidy tables: what its questions are put to, and how it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

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
from stages.study.groups import GroupKind
from stages.study.schema import SIDES, Table
from stages.study.structures import STRUCTURES
from stages.study.subjects import subject_map


@dataclass(frozen=True)
class Cohort:
    """Tidy tables of all groups: the columns of `study/schema.py`, the structures of the study.

    A table that no group of the study can have, such as that of voxelwise statistics in a study of
    volumes alone, has no rows.
    """

    ensembles: EnsembleParams
    """The groups and their members."""

    noise: NoiseParams | None
    """Parameters of the noise ensemble; None where there is none."""

    subject_of: dict[str, str]
    """Scan -> subject, in the order of the study."""

    volumes: pd.DataFrame
    """Of all groups but the reference, one row a member, scan and structure."""

    reference: pd.DataFrame
    """Volumes of the fully sampled scans, or of another reference; no rows without one."""

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

    scores: pd.DataFrame
    """Other scores of their images, one row a member, scan and score."""

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

    thickness: pd.DataFrame
    """Cortical thickness of all groups with label maps, one row a member, scan and region."""

    true_thickness: pd.DataFrame | None
    """That of the true label maps of digital phantoms; None where they are not known."""

    snr: pd.DataFrame
    """Measured signal-to-noise ratio of the noise ensemble, one row a scan."""

    curves: pd.DataFrame
    """Training curves: columns group, seed, step and `schema.CURVES`."""

    spread: pd.DataFrame
    """Summaries of the voxelwise SD of all groups of several members, draws and noise as well."""

    half_spread: pd.DataFrame
    """The same of both halves of the members."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Answers to the questions before the one that is asked."""

    @property
    def groups(self) -> list[str]:
        """Return the ensembles with volumes, in the order of the study."""
        return list(dict.fromkeys(self.networks(self.volumes)["group"]))

    @property
    def compared(self) -> tuple[str, ...]:
        """Return all groups but the reference."""
        return self.ensembles.compared

    @property
    def accelerated(self) -> tuple[str, ...]:
        """Return the groups of undersampled images: networks and baselines."""
        return self.ensembles.scored

    @property
    def crossed_groups(self) -> list[str]:
        """Return those of them whose members are the same in all scans."""
        return [name for name in self.groups if name not in self.nested]

    @property
    def nested(self) -> frozenset[str]:
        """Return the groups whose members are samples of their scan, the same in no two."""
        return frozenset(group.name for group in self.ensembles.all if not group.crossed)

    def crossed(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the ensembles whose members are the same in all scans."""
        own = self.networks(table)
        return own[~own["group"].isin(self.nested)].reset_index(drop=True)

    def networks(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table that are of the ensembles: what the study is about."""
        return table[table["group"].isin(self.ensembles.ensembles)].reset_index(drop=True)


def of(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return the rows of one group."""
    return table[table["group"] == group]


def read_cohort(
    ensembles: EnsembleParams, noise: NoiseParams | None, params: AnalyseParams
) -> Cohort:
    """Read the tables of all groups.

    Raises:
        StudyError: if a table is missing or damaged, or an ensemble has fewer than two members.
    """
    compared, target = ensembles.compared, ensembles.target
    everything = (*([target.name] if target else []), *compared)
    whole = _group_table(schema.VOLUMES, everything[0])
    subjects = list(dict.fromkeys(whole["subject"]))
    joined = partial(_joined, structures=params.structures, subjects=subjects)
    volumes = joined(schema.VOLUMES, compared)
    reference = grid(whole if target else whole[:0], params.structures, subjects)[0]
    return Cohort(
        ensembles=ensembles,
        noise=noise,
        subject_of=subject_map(subjects, params.subject_pattern, params.subject_table),
        volumes=volumes,
        reference=reference,
        truth=_true_volumes(params.structures, subjects),
        true_thickness=_true_thickness(),
        intracranial=intracranial_volumes(
            _concatenated([_group_table(schema.VOLUMES, group) for group in everything])
        ),
        sides=joined(SIDES, everything) if _all_have(SIDES, everything) else None,
        cv=pd.concat(
            [cv_table(of(volumes, group)) for group in ensembles.variable]
            or [cv_table(volumes[:0])],
            ignore_index=True,
        ),
        bias=pd.concat(
            [bias_table(of(volumes, group), reference) for group in compared], ignore_index=True
        ),
        **_image_tables(ensembles, joined),
        snr=_concatenated(
            [_group_table(schema.SNR, name) for name in ensembles.named(of=_adds_noise)], schema.SNR
        ),
        curves=_curves(ensembles),
    )


def _adds_noise(kind: GroupKind) -> bool:
    return kind.adds_noise


def _all_have(table: Table, groups: tuple[str, ...]) -> bool:
    return all(table.path(group).exists() for group in groups)


def _image_tables(ensembles: EnsembleParams, joined: Callable[..., pd.DataFrame]) -> dict[str, Any]:
    """Return the tables that only groups of images have."""
    imaged, aligned = {*ensembles.imaged}, {*ensembles.aligned}
    against = ensembles.target is not None  # what is compared with a reference

    def those(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in aligned)

    networks, several = those(ensembles.ensembles), those(ensembles.variable)
    drawn = bool(networks) and _all_have(schema.DRAWS, networks)
    measured = tuple(name for name in ensembles.groups if name in imaged)
    measured = measured if _all_have(schema.THICKNESS, measured) else ()
    voxelwise = {
        "regions": schema.REGIONS,
        "halves": schema.HALVES,
        "histograms": schema.HISTOGRAMS,
        "surrogates": schema.SURROGATES,
        "half_surrogates": schema.HALF_SURROGATES,
    }
    return {
        "draws": joined(schema.DRAWS, networks) if drawn else None,
        "quality": joined(schema.QUALITY, those(ensembles.scored) if against else ()),
        "scores": joined(schema.IMAGE_SCORES, those(ensembles.scored) if against else ()),
        "overlap": joined(schema.OVERLAP, those(ensembles.groups) if against else ()),
        "thickness": joined(schema.THICKNESS, measured),
        "changes": joined(schema.DEFORMATION, those(ensembles.compared) if against else ()),
        "spread": joined(schema.REGIONS, several),
        "half_spread": joined(schema.HALVES, several),
        **{name: joined(table, networks) for name, table in voxelwise.items()},
    }


def _true_volumes(structures: tuple[str, ...], subjects: list[str]) -> pd.DataFrame | None:
    path = schema.TRUE_VOLUMES.path()
    if not path.exists():
        return None
    return grid(read_table(path, schema.TRUE_VOLUMES.columns), structures, subjects)[0]


def _true_thickness() -> pd.DataFrame | None:
    path = schema.TRUE_THICKNESS.path()
    return read_table(path, schema.TRUE_THICKNESS.columns) if path.exists() else None


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
    found = _concatenated([_group_table(table, group) for group in groups], table)
    return grid(found, structures, subjects)[0] if "structure" in table.units else found


def _concatenated(tables: list[pd.DataFrame], kind: Table = schema.VOLUMES) -> pd.DataFrame:
    """Return several tables of a kind as one; one without rows where there are none."""
    if not tables:
        return pd.DataFrame(columns=kind.columns)
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
    return _concatenated(tables) if tables else pd.DataFrame(columns=["group", "seed", *columns])
