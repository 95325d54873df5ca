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

    Raises:
        ValueError: a pair has several rows.
    """
    row, column = _places(table["structure"], structures), _places(table["subject"], subjects)
    asked = (row >= 0) & (column >= 0)
    row, column = row[asked], column[asked]
    number = np.zeros((len(structures), len(subjects)), dtype=np.intp)
    np.add.at(number, (row, column), 1)
    if number.max(initial=0) > 1:
        raise ValueError(f"{value}: a pair of structure and subject has several rows")
    matrix = np.full(number.shape, np.nan)
    matrix[row, column] = table[value].to_numpy(np.float64)[asked]
    return matrix


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


def _places(names: pd.Series, known: list[str]) -> np.ndarray:
    """Return the number of each name in `known`, -1 where it is not among them."""
    number = {name: k for k, name in enumerate(known)}
    return np.array([number.get(name, -1) for name in names], dtype=np.intp)
