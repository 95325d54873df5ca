"""How much the members of an ensemble disagree about a volume."""

import numpy as np
import pandas as pd
from scipy.special import gammaln
from scipy.stats import norm

PERCENT = 100.0
# standard deviation of a normal variable in units of its median absolute deviation: 1.4826
MAD_TO_SD = 1.0 / norm.ppf(0.75)
# what few normal values make that too small by (Croux and Rousseeuw 1992, Computational Statistics
# 1, Time-efficient algorithms for two highly robust estimators of scale): 0.73 of 4 values
FEW_TO_MAD = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.2, 7: 1.14, 8: 1.129, 9: 1.107}


def c4(n_members: int) -> float:
    """Return E[s] / sigma of the standard deviation of `n_members` normal draws (ddof = 1).

    c4(n) = sqrt(2 / (n - 1)) Gamma(n / 2) / Gamma((n - 1) / 2) (Cureton 1968, Am. Stat. 22).
    """
    n = float(n_members)
    return float(np.sqrt(2.0 / (n - 1.0)) * np.exp(gammaln(n / 2.0) - gammaln((n - 1.0) / 2.0)))


def coefficient_of_variation(volumes: np.ndarray) -> np.ndarray:
    """Return CV = 100 sd_m(V) / mean_m(V) with ddof = 1, in percent.

    Args:
        volumes: (..., n_members), any unit.

    Returns:
        (...), NaN where the mean is not positive or there are fewer than two members.
    """
    volumes = np.asarray(volumes, dtype=np.float64)
    if volumes.shape[-1] < 2:
        return np.full(volumes.shape[:-1], np.nan)
    mean = volumes.mean(axis=-1)
    return PERCENT * volumes.std(axis=-1, ddof=1) / positive(mean)


def corrected_cv(volumes: np.ndarray) -> np.ndarray:
    """Return CV / c4(n_members), in percent: unbiased also for few members.

    Args:
        volumes: (..., n_members), any unit.
    """
    volumes = np.asarray(volumes, dtype=np.float64)
    if volumes.shape[-1] < 2:
        return coefficient_of_variation(volumes)
    return coefficient_of_variation(volumes) / c4(volumes.shape[-1])


def robust_cv(volumes: np.ndarray) -> np.ndarray:
    """Return 100 * 1.4826 b MAD_m(V) / median_m(V), in percent: one failed member hardly moves it.

    b takes off the bias of few normal members, see `FEW_TO_MAD`; n / (n - 0.8) above nine.

    Args:
        volumes: (..., n_members), any unit.

    Returns:
        (...), NaN where the median is not positive or there are fewer than two members.
    """
    volumes = np.asarray(volumes, dtype=np.float64)
    if volumes.shape[-1] < 2:
        return np.full(volumes.shape[:-1], np.nan)
    median = np.median(volumes, axis=-1, keepdims=True)
    deviation = np.median(np.abs(volumes - median), axis=-1)
    n = volumes.shape[-1]
    few = FEW_TO_MAD.get(n, n / (n - 0.8))
    return PERCENT * MAD_TO_SD * few * deviation / positive(median[..., 0])


def positive(values: np.ndarray) -> np.ndarray:
    """Return the values, NaN where they are not positive."""
    return np.where(values > 0, values, np.nan)


def cv_table(volumes: pd.DataFrame) -> pd.DataFrame:
    """Return the three coefficients of variation of each group, structure and scan.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.

    Returns:
        Columns group, structure, subject, n_members, mean_mm3, cv, cv_c4, cv_robust (percent; NaN
        where undefined), in the order of appearance.
    """
    rows = []
    for keys, values in structure_scan_pairs(volumes):
        numbers = (
            len(values),
            values.mean(),
            float(coefficient_of_variation(values)),
            float(corrected_cv(values)),
            float(robust_cv(values)),
        )
        rows.append((*keys, *numbers))
    columns = ["n_members", "mean_mm3", "cv", "cv_c4", "cv_robust"]
    found = pd.DataFrame(rows, columns=["group", "structure", "subject", *columns])
    return found.astype(dict.fromkeys(columns[1:], float))  # a table without rows has no types


def structure_scan_pairs(
    volumes: pd.DataFrame,
) -> list[tuple[tuple[str, str, str], np.ndarray]]:
    """Return (group, structure, subject) and the members' volumes of each structure-scan pair.

    Args:
        volumes: tidy, columns group, member, subject, structure, volume_mm3.

    Returns:
        In the order of appearance; volumes (n_members,), mm3.
    """
    grouped = volumes.groupby(["group", "structure", "subject"], sort=False)["volume_mm3"]
    return [(keys, values.to_numpy(np.float64)) for keys, values in grouped]


def medians(table: pd.DataFrame, value: str) -> dict[str, dict[str, float]]:
    """Return the median over scans as group -> structure -> value, undefined pairs left out.

    Args:
        table: columns group, structure and `value`; NaN marks undefined pairs.
        value: the column to summarise.
    """
    defined = table.dropna(subset=[value])
    result: dict[str, dict[str, float]] = {group: {} for group in table["group"].unique()}
    for (group, structure), values in defined.groupby(["group", "structure"], sort=False)[value]:
        result[group][structure] = float(values.median())
    return result
