"""Rows of stage `pathology` by dose, and the smallest size that is shown."""

import numpy as np
import pandas as pd
import pytest

from stages.implantation.shown import dose_table, smallest_shown

SIZES = (0.5, 1.0, 2.0, 4.0)


def tables(shown: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two scans of each size, the second one shows .1 less, and a healthy scan."""
    names = [f"sub-{k}implantlesions{n:02d}" for n in range(1, 5) for k in "ab"]
    voxels = pd.DataFrame(
        {
            "group": "unet",
            "kind": "lesions",
            "subject": names,
            "change_shown": np.repeat(shown, 2) - np.tile([0, 0.1], 4),
            "auroc": 0.75,
        }
    )
    subjects = pd.DataFrame(
        {
            "subject": [*names, "sub-a"],
            "changed_ml": [*(np.repeat(SIZES, 2) + 1e-3), np.nan],
            "contrast": [*np.tile([0.58, 0.6], 4), np.nan],
            "asked_contrast": [0.6] * 8 + [np.nan],
        }
    )
    return voxels, subjects


def test_scans_of_one_dose_are_one_row() -> None:
    table = dose_table(*tables([0.2, 0.5, 0.7, 0.9]))
    assert table["changed_ml"].tolist() == list(SIZES)
    assert table["n_scans"].tolist() == [2] * 4
    np.testing.assert_allclose(table["change_shown"], [0.15, 0.45, 0.65, 0.85])
    np.testing.assert_allclose(table["lowest"], [0.1, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(table["contrast"], 0.59)


@pytest.mark.parametrize(
    ("shown", "smallest"),
    [
        ([0.2, 0.5, 0.7, 0.9], 2.0),  # at 1 mL one scan of two shows .4
        ([0.9, 0.5, 0.7, 0.9], 2.0),  # a smaller one that is shown by chance does not count
        ([0.7, 0.7, 0.7, 0.9], 0.5),
        ([0.9, 0.9, 0.9, 0.3], np.nan),
    ],
)
def test_the_smallest_size_from_which_on_all_scans_show_half(
    shown: list[float], smallest: float
) -> None:
    found = smallest_shown(dose_table(*tables(shown)))
    np.testing.assert_equal(found["smallest_ml"].tolist(), [smallest])


def test_contrasts_of_the_parameters_are_one_group() -> None:
    voxels, subjects = tables([0.7] * 4)
    table = dose_table(voxels, subjects.assign(asked_contrast=np.nan))
    assert len(table) == 4
    assert smallest_shown(table)["smallest_ml"].tolist() == [0.5]
