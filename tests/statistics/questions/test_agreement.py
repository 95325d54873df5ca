"""The question of agreement: rows by its methods, reasons of gaps, margin and relative volumes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from stages.statistics.answer import Answer
from stages.statistics.cohort import Cohort, intracranial_volumes
from stages.statistics.methods.bias import bias
from stages.statistics.methods.concordance import concordance
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.questions.agreement import COLUMNS, ask, differences
from stages.study.structures import STRUCTURES
from tests.statistics.conftest import cohort_of, ensembles, parameters, scan_volumes

STRUCTURE = "hippocampus"


def study(n_scans: int, shift: float = 1.01, n_members: int = 4) -> Cohort:
    """Return a cohort of UNet, noise and zero-filled images of some scans."""
    generator = np.random.default_rng(0)
    true = {f"sub-{s}": 4000.0 * generator.uniform(0.8, 1.2) for s in range(n_scans)}
    groups = {
        "unet": (shift, 0.01, n_members),
        "noise": (1, 0.002, 3),
        "zero_filled": (0.9, 0.02, 1),
    }
    volumes = {
        (group, STRUCTURE, scan): list(v * (factor + sd * generator.normal(size=n)))
        for group, (factor, sd, n) in groups.items()
        for scan, v in true.items()
    }
    reference = scan_volumes({("reference", STRUCTURE, s): [v] for s, v in true.items()})
    return cohort_of(
        volumes=scan_volumes(volumes),
        reference=reference,
        subject_of={scan: scan for scan in true},
        ensembles=ensembles(("unet",)),
    )


def answered(cohort: Cohort) -> Answer:
    """Return the answer with the default study's parameters."""
    return ask(cohort, parameters(), np.random.default_rng(0))


def test_rows_hold_what_the_methods_give():
    cohort = study(8)
    answer = answered(cohort)
    table = answer.tables["agreement"]
    assert list(table.columns) == COLUMNS
    row = table.set_index("group").loc["unet"]
    wide = cohort.volumes[cohort.volumes["group"] == "unet"].pivot(
        index="subject", columns="member", values="volume_mm3"
    )
    reference = cohort.reference.set_index("subject")["volume_mm3"].reindex(wide.index).to_numpy()
    known = bias(wide.to_numpy(), reference).mean()
    assert row["bias"] == pytest.approx(known)
    assert row["ccc"] == pytest.approx(concordance(wide.to_numpy(), reference))
    for name in ("bias", "lower", "upper", "ccc", "icc", "slope", "intercept"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["p"] < 0.05
    assert answer.metrics["unet"]["equivalence"]["hippocampus"]["p"] == row["p"]
    assert row["undefined"] == ""
    assert answer.metrics["margin_percent"] == pytest.approx(4.66 - 1.41)
    assert answer.metrics["unet"]["equivalent"] == answer.metrics["unet"]["tested"] == 1
    assert answer.metrics["unet"]["hippocampus"]["bias"]["value"] == row["bias"]
    assert answer.metrics["unet"]["n"]["subjects"] == 8
    json.dumps(without_gaps(answer.metrics)[0], allow_nan=False)


def test_a_bias_beyond_the_margin_is_not_equivalent():
    metrics = answered(study(8, shift=1.05)).metrics
    assert metrics["unet"]["equivalent"] == 0
    assert metrics["zero_filled"]["equivalent"] == 0


def test_what_is_undefined_has_a_reason():
    answer = answered(study(8))
    reasons = answer.tables["agreement"].set_index("group")["undefined"]
    assert reasons["zero_filled"] == "no regression: one member says nothing of its errors"
    few = answered(study(2)).tables["agreement"].set_index("group")
    assert few.loc["unet", "undefined"] == "intervals need 3 subjects, got 2"
    assert np.isnan(few.loc["unet", "bias"])
    assert "unet: intervals need 3 subjects, got 2 (1 structures)" in answered(study(2)).undefined


def test_differences_are_the_studys_bias():
    volumes = scan_volumes({("unet", STRUCTURE, "sub-a"): [110.0, 0.0]})
    reference = scan_volumes({("reference", STRUCTURE, "sub-a"): [100.0]})
    found = differences(volumes, reference)
    assert found["difference"].to_numpy() == pytest.approx([10.0, np.nan], nan_ok=True)


def test_tests_of_networks_are_adjusted_over_their_structures_alone():
    cohort = study(8)
    other = cohort.volumes.assign(structure="caudate")
    other["volume_mm3"] *= np.where(other["group"] == "unet", 1.017, 1.0)
    both = replace(
        cohort,
        volumes=pd.concat([cohort.volumes, other], ignore_index=True),
        reference=pd.concat([cohort.reference, cohort.reference.assign(structure="caudate")]),
    )
    table = answered(both).tables["agreement"]
    own, controls = (
        table[table["group"].isin(names)] for names in ({"unet"}, {"noise", "zero_filled"})
    )
    for family in (own, controls):
        expected = false_discovery_control(family["p"])
        assert family["adjusted"].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize(("n_scans", "n_members"), [(1, 4), (1, 1), (2, 2), (3, 1), (8, 2)])
def test_small_cohorts_and_missing_pairs_are_answered(n_scans, n_members):
    cohort = study(n_scans, n_members=n_members)
    json.dumps(without_gaps(answered(cohort).metrics)[0], allow_nan=False)
    gap = cohort.volumes.index[::5]
    holes = cohort.volumes.drop(index=gap)
    json.dumps(without_gaps(answered(replace(cohort, volumes=holes)).metrics)[0], allow_nan=False)
    none = cohort.volumes.assign(volume_mm3=0.0)
    found = answered(replace(cohort, volumes=none)).metrics
    assert found["unet"]["tested"] == 0


def test_equal_volumes_have_no_interval_and_no_warning():
    cohort = study(6)
    same = cohort.volumes.merge(
        cohort.reference[["subject", "volume_mm3"]], on="subject", suffixes=("_own", "")
    )
    table = answered(replace(cohort, volumes=same[cohort.volumes.columns])).tables["agreement"]
    assert (table["bias"] == 0).all()
    assert table["p"].isna().all()


def test_volumes_relative_to_the_head_do_not_see_its_size():
    cohort = study(6)
    keys = ["group", "member", "subject"]
    both = pd.concat([cohort.volumes, cohort.reference])
    # an error of the whole head's size, the same in every structure
    total = both[keys].assign(total_mm3=250 * both["volume_mm3"])
    found = answered(replace(cohort, intracranial=total)).metrics["unet"]
    found = found["relative_to_intracranial"]
    assert found["cv_percent"] == pytest.approx(0, abs=1e-9)
    assert found["half_width_percent"] == pytest.approx(0, abs=1e-9)
    assert found["cv_percent_of_volumes"] == pytest.approx(1, abs=0.5)


def test_the_intracranial_volume_is_that_of_all_labels_or_none():
    volumes = {("unet", entry.name, "sub-a"): [10.0, 20.0] for entry in STRUCTURES}
    found = intracranial_volumes(scan_volumes(volumes))
    assert found is not None
    assert found["total_mm3"].tolist() == [10.0 * len(STRUCTURES), 20.0 * len(STRUCTURES)]
    del volumes["unet", "csf", "sub-a"]
    assert intracranial_volumes(scan_volumes(volumes)) is None
