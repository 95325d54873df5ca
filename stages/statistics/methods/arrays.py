"""Tidy tables as arrays, NaN where a structure-scan pair is absent."""

import numpy as np
import pandas as pd


def pair_matrix(
    table: pd.DataFrame, value: str, structures: list[str], subjects: list[str]
) -> np.ndarray:
    """Return one column of a tidy table as a matrix, NaN where a pair is absent.

    Args:
        table: columns structure, subject and `value`; one row a pair.
        value: column name.
        structures: of the rows.
        subjects: of the columns.

    Returns:
        (n_structures, n_subjects).
    """
    wide = table.pivot(index="structure", columns="subject", values=value)
    return wide.reindex(index=structures, columns=subjects).to_numpy(np.float64)


def volume_cube(volumes: pd.DataFrame) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the volumes of one ensemble as (n_structures, n_subjects, n_members), NaN if absent.

    Args:
        volumes: columns member, subject, structure, volume_mm3.

    Returns:
        The array, its structures and its subjects in the order of appearance; members sorted.
    """
    structures = list(dict.fromkeys(volumes["structure"]))
    subjects = list(dict.fromkeys(volumes["subject"]))
    members = [part for _, part in volumes.groupby("member", sort=True)]
    layers = [pair_matrix(part, "volume_mm3", structures, subjects) for part in members]
    empty = np.zeros((len(structures), len(subjects), 0))
    return (np.stack(layers, axis=-1) if layers else empty), structures, subjects
