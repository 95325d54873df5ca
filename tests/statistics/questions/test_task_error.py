"""Image quality against task error: scipy, plain loops, and members of known quality."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.statistics.questions.task_error import relative_errors, task_error

SIZES = {"unet": 11, "varnet": 12, "rim": 15}
LEVELS = {"unet": 0.0, "varnet": 2.0, "rim": 4.0}
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def study(
    link: float, between: float = 0.0, n_scans: int = 6, sizes: dict = SIZES, seed: int = 0
) -> Tables:
    """Return quality, volumes and reference.

    A member's skill moves its PSNR and, by `link`, its errors; an architecture's level moves its
    PSNR and, by `between`, its errors.
    """
    rng = np.random.default_rng(seed)
    scans, structures = [f"s{i}" for i in range(n_scans)], [f"k{k}" for k in range(8)]
    quality, volumes = [], []
    for group, n_members in sizes.items():
        for m in range(n_members):
            skill = rng.normal()
            size = 0.02 * np.exp(-link * skill - between * LEVELS[group])
            for s in scans:
                psnr = 30 + LEVELS[group] + skill + 0.3 * rng.normal()
                quality.append((group, m, s, "challenge", "brain", psnr, psnr / 40))
                quality.append((group, m, s, "fixed", "all", 0.0, 0.0))
                volumes += [(group, m, s, k, 1000 * (1 + size * rng.normal())) for k in structures]
    key = ["group", "member", "subject"]
    pairs = [(s, k, 1000.0) for s in scans for k in structures]
    return (
        pd.DataFrame(quality, columns=[*key, "range", "slices", "psnr", "ssim"]),
        pd.DataFrame(volumes, columns=[*key, "structure", "volume_mm3"]),
        pd.DataFrame(pairs, columns=["subject", "structure", "volume_mm3"]),
    )


def run(tables: Tables, exams: dict | None = None, n_draws: int = 200) -> tuple[dict, pd.DataFrame]:
    """Call the entry with a fresh generator."""
    return task_error(*tables, exams or {}, n_draws, 0.95, np.random.default_rng(0))


def test_relative_errors_by_hand():
    volumes = np.array([[95.0, 0.0], [97.0, 0.0], [99.0, 0.0]])
    variation, bias = relative_errors(volumes, np.array([100.0, 0.0]))
    assert variation[:, 0] == pytest.approx([200 / 97, 0, 200 / 97])
    assert bias[:, 0] == pytest.approx([5, 3, 1])
    assert np.isnan(variation[:, 1]).all()
    assert np.isnan(bias[:, 1]).all()


def test_linked_members_are_found_and_idle_ones_are_not():
    linked, idle = (run(study(link))[0]["all"]["psnr"] for link in (1.0, 0.0))
    for error in ("variability", "bias"):
        found = linked[error]["within"]
        assert found["spearman"] < -0.8
        assert found["low"] < found["high"] < -0.6
        assert found["p"] < 0.01
        assert abs(idle[error]["within"]["spearman"]) < 0.4
        assert idle[error]["within"]["p"] > 0.05


def test_architectures_alone_make_no_correlation_within():
    tree, table = run(study(0.0, between=0.5))
    found = tree["all"]["psnr"]["variability"]
    assert np.corrcoef(table["psnr"], table["variability"])[0, 1] < -0.5
    assert found["within"]["low"] < 0 < found["within"]["high"]
    assert abs(found["within"]["spearman"]) < 0.4
    assert found["within"]["p"] > 0.05
    assert len(table) == 38
    for name in ("psnr", "ssim", "variability", "bias"):
        ranks = table.groupby("group")[f"{name}_rank"].mean()
        assert ranks.to_numpy() == pytest.approx(0, abs=1e-12)


def test_one_failed_run_does_not_make_the_correlation():
    quality, volumes, reference = study(0.0)
    bad = (quality["group"] == "varnet") & (quality["member"] == 0)
    quality.loc[bad, ["psnr", "ssim"]] -= [20, 0.5]
    bad = (volumes["group"] == "varnet") & (volumes["member"] == 0)
    volumes.loc[bad, "volume_mm3"] *= 1.5
    tree, _ = run((quality, volumes, reference))
    assert abs(tree["all"]["psnr"]["bias"]["within"]["spearman"]) < 0.4


def test_table_is_the_plain_loop():
    quality, volumes, reference = study(0.5, n_scans=3)
    _, table = run((quality, volumes, reference))
    row = table[(table["group"] == "rim") & (table["member"] == 4)].iloc[0]
    part = volumes[volumes["group"] == "rim"]
    mean = part.groupby(["subject", "structure"])["volume_mm3"].mean()
    own = part[part["member"] == 4].set_index(["subject", "structure"])["volume_mm3"]
    assert row["variability"] == pytest.approx((100 * (own - mean).abs() / mean).median())
    assert row["bias"] == pytest.approx((100 * (own - 1000).abs() / 1000).median())
    scores = quality[(quality["range"] == "challenge") & (quality["group"] == "rim")]
    assert row["psnr"] == pytest.approx(scores[scores["member"] == 4]["psnr"].mean())


def test_order_of_the_rows_does_not_matter():
    tables = study(0.5, n_scans=3)
    shuffled = tuple(t.sample(frac=1, random_state=2) for t in tables)
    trees = [run(t, n_draws=20)[0]["all"]["psnr"]["bias"]["within"] for t in (tables, shuffled)]
    assert trees[0]["spearman"] == pytest.approx(trees[1]["spearman"])


def test_scans_of_one_exam_make_no_evidence():
    tables = study(0.3, n_scans=4)
    tree, _ = run(tables, dict.fromkeys(["s0", "s1", "s2", "s3"], "e1"))
    assert tree["all"]["subjects"] == 1
    assert "low" not in tree["all"]["psnr"]["bias"]["within"]
    assert tree["all"]["undefined"] == 8
    assert np.isfinite(tree["all"]["psnr"]["bias"]["within"]["spearman"])


def test_what_is_missing_is_left_out_and_counted():
    quality, volumes, reference = study(0.3, n_scans=4)
    quality = quality[~((quality["group"] == "rim") & (quality["member"] == 2))]
    quality = quality[~((quality["member"] == 5) & (quality["subject"] == "s3"))]
    volumes = volumes.drop(index=volumes.index[0])
    lonely = volumes[volumes["member"] == 1].assign(group="zero_filled", member=0)
    lonely = lonely.drop_duplicates(["subject", "structure"])
    tree, table = run((quality, pd.concat([volumes, lonely]), reference.drop(index=9)))
    # one pair of the first member, and one of every architecture without a reference
    assert tree["all"]["excluded"] == {"members": 2, "scans": 1, "pairs": 4}
    assert (tree["all"]["members"], len(table), tree["all"]["subjects"]) == (37, 37, 3)
    json.dumps(tree, allow_nan=False)


def test_two_members_and_two_scans():
    sizes = dict.fromkeys(SIZES, 2)
    tree, table = run(study(0.3, n_scans=2, sizes=sizes))
    # two members are equally far from their mean: no order within
    assert (table["variability_rank"] == 0).all()
    assert "spearman" not in tree["all"]["psnr"]["variability"]["within"]
    assert "spearman" in tree["all"]["psnr"]["bias"]["within"]
    json.dumps(tree, allow_nan=False)


def test_nothing_to_compare():
    quality, volumes, reference = study(0.3, n_scans=2, sizes={"unet": 2})
    tree, table = run((quality[:0], volumes, reference))
    assert tree["all"]["members"] == 0
    assert tree["all"]["excluded"]["members"] == 2
    assert len(table) == 0
    assert {"psnr", "bias_rank"} <= set(table.columns)
