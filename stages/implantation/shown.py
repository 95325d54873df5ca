"""How much of an implanted disease images show: rows of stage `pathology` by size and contrast."""

import numpy as np
import pandas as pd

SHOWN = 0.5
"""Fraction of a lesion's contrast from which on it counts as shown, a convention."""
DIGITS = 2
"""Sizes that agree to so many decimals (mL) are one."""
DOSE = ["kind", "changed_ml", "asked_contrast"]


def dose_table(voxels: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """Return means over scans for each group and dose.

    Args:
        voxels: `schema.AFFECTED_VOXELS`.
        subjects: columns subject, changed_ml, contrast and asked_contrast, NaN for scans without
            an implant.

    Returns:
        Columns group, kind, changed_ml, asked_contrast (NaN: of the parameters), contrast, n_scans,
        change_shown (1: all of the contrast), lowest (of the scans) and auroc of the SD; sorted.
    """
    known = subjects["changed_ml"].notna()
    doses = subjects.loc[known, ["subject", "changed_ml", "contrast", "asked_contrast"]]
    found = voxels.merge(doses.round({"changed_ml": DIGITS}), on="subject")
    by_dose = found.groupby(["group", *DOSE], as_index=False, dropna=False)
    return by_dose.agg(
        contrast=("contrast", "mean"),
        n_scans=("subject", "size"),
        change_shown=("change_shown", "mean"),
        lowest=("change_shown", "min"),
        auroc=("auroc", "mean"),
    )


def smallest_shown(table: pd.DataFrame, shown: float = SHOWN) -> pd.DataFrame:
    """Return the smallest size from which on all scans show a fraction of the contrast.

    Args:
        table: from `dose_table`.
        shown: the fraction, 0 to 1.

    Returns:
        Columns group, kind, asked_contrast, smallest_ml; NaN where the largest size is not shown.
    """
    rows = []
    keys = ["group", "kind", "asked_contrast"]
    for key, part in table.groupby(keys, dropna=False):
        ordered = part.sort_values("changed_ml")
        size, enough = ordered["changed_ml"].to_numpy(), ordered["lowest"].to_numpy() >= shown
        failing = np.flatnonzero(~enough)
        first = int(failing[-1]) + 1 if failing.size else 0
        smallest = size[first] if first < len(size) else np.nan
        rows.append([*key, smallest])
    return pd.DataFrame(rows, columns=[*keys, "smallest_ml"])
