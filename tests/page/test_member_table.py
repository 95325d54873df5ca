"""The table of members, and what is said of outliers."""

from dataclasses import replace

from stages.page.member_table import members, verdict
from tests.page.results import facts, metrics, without


def test_a_member_beyond_the_threshold_is_marked_by_name() -> None:
    found = facts()
    table = found.outliers.copy()
    table.loc[5, ["z_psnr", "flagged"]] = [15.12, True]
    rows = members(replace(found, outliers=table))
    (row,) = [row for row in rows if row.outlier]
    assert (row.group, row.member, row.remark) == ("VarNet", "1", "outlier: PSNR (z = 15.1)")
    assert (row.psnr, row.ssim, row.volume) == ("30.00", "0.900", "1.00")
    assert rows[-1].group == "Zero-filled"
    assert len(rows) == 13


def test_without_scores_there_is_no_table() -> None:
    assert members(without()) == []


def test_verdicts() -> None:
    assert verdict(facts()) == "No member is an outlier."
    tree = metrics()
    del tree["outliers"]
    assert verdict(facts(tree)) == "Outliers among the members were not looked for."
    marked = {"members": 4, "flagged": 1, "with": {"cv_median": 2.0}, "without": {"cv_median": 1.0}}
    silent = {"members": 2, "not_judged": "fewer than 4 members"}
    tree["outliers"] = {"unet": silent, "varnet": marked}
    assert verdict(facts(tree)) == (
        "Outliers are looked for among 8 members or more; fewer: UNet. VarNet: 1 of 4 members are"
        " outliers; the median CV is"
        " 2.00\N{NO-BREAK SPACE}% with and 1.00\N{NO-BREAK SPACE}% without."
    )
