"""How far volumes are off: the one definition of bias, and of its size."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from stages.statistics.methods.variability import (
    PERCENT,
    medians,
    positive,
    structure_scan_pairs,
)

COLUMN, ABSOLUTE = "bias", "absolute_bias"


def bias(volumes: np.ndarray, reference: np.ndarray | float) -> np.ndarray:
    """Return 100 mean_m(V_m - V_ref) / V_ref, in percent.

    Args:
        volumes: (..., n_members), mm3.
        reference: (...), mm3, of the same scans and structures.

    Returns:
        (...), NaN where the reference volume is not positive.
    """
    reference = np.asarray(reference, dtype=np.float64)
    mean = np.asarray(volumes, dtype=np.float64).mean(axis=-1)
    return PERCENT * (mean - reference) / positive(reference)


def bias_of_ratios(ratios: np.ndarray) -> np.ndarray:
    """Return 100 (mean_m(V_m / V_ref) - 1), in percent: `bias` but for rounding.

    Scores of an ensemble in units of its target are taken from ratios; the mean's is as well, so
    that error and spread are of the same numbers.

    Args:
        ratios: (..., n_members), volume over reference volume.
    """
    return PERCENT * (np.asarray(ratios, dtype=np.float64).mean(axis=-1) - 1.0)


def absolute_bias(volumes: np.ndarray, reference: np.ndarray | float) -> np.ndarray:
    """Return the size of each single member's bias, 100 |V_m - V_ref| / V_ref, in percent.

    Args:
        volumes: (...), mm3.
        reference: broadcast against `volumes`, mm3.

    Returns:
        (...), NaN where the reference volume is not positive.
    """
    return np.abs(bias(np.asarray(volumes)[..., None], reference))


def bias_table(volumes: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the bias of each group, structure and scan against reference volumes.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: tidy, columns subject, structure, volume_mm3.

    Returns:
        Columns group, structure, subject, bias (percent, mean over members; NaN without a positive
        reference volume), in the order of appearance.
    """
    known = reference.set_index(["structure", "subject"])["volume_mm3"].to_dict()
    rows = [
        (group, structure, subject, float(bias(values, known.get((structure, subject), np.nan))))
        for (group, structure, subject), values in structure_scan_pairs(volumes)
    ]
    return pd.DataFrame(rows, columns=["group", "structure", "subject", COLUMN])


def absolute_bias_table(volumes: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the size of the bias of the members' mean, |bias|.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.
        reference: tidy, columns subject, structure, volume_mm3.

    Returns:
        Columns group, structure, subject, absolute_bias (percent), as `bias_table`.
    """
    table = bias_table(volumes, reference).rename(columns={COLUMN: ABSOLUTE})
    return table.assign(**{ABSOLUTE: table[ABSOLUTE].abs()})


def structure_biases(table: pd.DataFrame, group: str) -> dict[str, float]:
    """Return the bias of each structure of a group: the median over scans, in percent.

    Args:
        table: from `bias_table`; undefined pairs are left out.
        group: name; without any defined pair, the result is empty.
    """
    return medians(table, COLUMN).get(group, {})


def median_absolute_bias(biases: Mapping[str, float]) -> float:
    """Return the median of |bias| over structures, the size of a group's bias, in percent.

    Args:
        biases: of each structure, as `structure_biases`; NaN without any.
    """
    return float(np.median(np.abs(list(biases.values())))) if biases else float("nan")
