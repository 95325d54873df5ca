"""Every study of the simulation finds what its lines are about."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.statistics.questions.image_scores import DIRECTION
from tests.benchmarks.simulation import __main__ as simulation
from tests.benchmarks.simulation.catalogue import all_studies
from tests.benchmarks.simulation.image_scores import (
    COMMON,
    LINK,
    N_ARCHITECTURES,
    RELATED,
    Scored,
)
from tests.benchmarks.simulation.study import FAILS, Line, Row, Study, exactly, judge
from tests.benchmarks.simulation.summary import extended, main, page, page_rows, summary

STUDIES = all_studies()
COVERAGE = Path(__file__).parents[2] / "docs/coverage.md"
N_COHORTS = 100


@pytest.mark.parametrize("name", STUDIES)
def test_a_cohort_gives_every_line_a_number(name: str) -> None:
    study = STUDIES[name]
    found = study.cohort(np.random.default_rng(0))
    assert set(study.lines) <= set(found)
    assert np.isfinite([float(found[line]) for line in study.lines]).all()


def test_a_mean_outside_its_range_fails() -> None:
    study = Study(lambda _: {}, {"share": Line(0.94, 0.96)})
    values = pd.DataFrame({"share": [1.0] * 80 + [0.0] * 20})
    assert judge("interval", study, values)[0].verdict == FAILS
    values = pd.DataFrame({"share": [1.0] * 95 + [0.0] * 5})
    assert judge("interval", study, values)[0].verdict == "holds"


def test_the_summary_has_a_row_for_what_promises_the_same(tmp_path: Path) -> None:
    study = Study(lambda _: {}, {"covers": Line(0.93, 0.97)})
    few = Study(lambda _: {}, {"covers": Line(0.0, 1.0, "stated")})
    shares = {"a, 8 subjects": 95, "a, 20 subjects": 97, "a, 12 subjects": 60}
    found = {n: pd.DataFrame({"covers": [1.0] * k + [0.0] * (100 - k)}) for n, k in shares.items()}
    lines = [row for name, values in found.items() for row in judge(name, study, values)]
    lines += judge("a, 4 subjects", few, found["a, 8 subjects"])
    path = tmp_path / "lines.csv"
    pd.DataFrame(lines).to_csv(path, index=False)
    table = [line for line in summary(pd.read_csv(path)).splitlines() if line.startswith("| a |")]
    assert table == [
        "| a | covers | 0.93 to 0.97 | 3 | 0.6 to 0.97 | 100 | 1 |  |",
        "| a | covers | 0 to 1 | 1 | 0.95 | 100 | 0 | stated |",
    ]


KINDS = {
    "a, 8 subjects": Study(lambda _: {}, {"covers": Line(0.93, 0.97), "mean": exactly(0.5)}),
    "a, 4 subjects": Study(lambda _: {}, {"covers": Line(0.0, 1.0, "stated")}),
    "b, 8 subjects": Study(lambda _: {}, {"rejects": Line(0.0, 0.05)}),
    "c": Study(lambda _: {}, {"covers": Line(0.93, 0.97)}),
}


def judged(share: float, studies: dict[str, Study], *kinds: str) -> pd.DataFrame:
    """Return the lines of all studies of some kinds, the same share found of each quantity."""
    ones = np.arange(N_COHORTS) < share * N_COHORTS
    rows: list[Row] = []
    for name, study in studies.items():
        if name.split(",")[0] in kinds:
            rows += judge(name, study, pd.DataFrame(dict.fromkeys(study.lines, ones * 1.0)))
    return pd.DataFrame(rows)


def test_a_page_that_is_kept_and_lines_are_the_page_of_all_lines() -> None:
    whole = summary(judged(0.5, KINDS, "a", "b", "c"))
    assert "4 designs" in whole and "3 of 5 lines" in whole  # 'covers' and 'rejects' at 0.5
    for new in (("a",), ("b",), ("c",), ("c", "a"), ("a", "b", "c")):
        others = [kind for kind in "abc" if kind not in new]
        kept = summary(judged(0.5, KINDS, *others)) if others else whole
        assert extended(kept, judged(0.5, KINDS, *new), KINDS) == whole
        assert extended(whole, judged(0.5, KINDS, *new), KINDS) == whole


def test_lines_replace_the_rows_of_their_kind() -> None:
    before = summary(judged(0.5, KINDS, "a", "b", "c"))
    after = extended(before, judged(0.95, KINDS, "a"), KINDS)
    assert [row for row in page_rows(after) if row[0] != "a"] == [
        row for row in page_rows(before) if row[0] != "a"
    ]
    assert {row[4] for row in page_rows(after) if row[0] == "a"} == {"0.95"}
    fewer = {name: study for name, study in KINDS.items() if name != "b, 8 subjects"}
    left = extended(before, judged(0.95, KINDS, "a"), fewer)
    assert {row[0] for row in page_rows(left)} == {"a", "c"}
    assert "3 designs" in left and "2 of 4 lines" in left


def test_rows_of_what_a_study_is_no_longer_are_not_kept() -> None:
    before = summary(judged(0.5, KINDS, "a", "b"))
    new = judged(0.5, KINDS, "c")
    more = KINDS | {"b, 20 subjects": KINDS["b, 8 subjects"]}
    other = KINDS | {"b, 8 subjects": Study(lambda _: {}, {"rejects": Line(0.0, 0.06)})}
    for studies in (more, other):
        with pytest.raises(ValueError, match="^b: expected rows of all its studies"):
            extended(before, new, studies)
    with pytest.raises(ValueError, match="^a: expected rows"):
        extended(before, judged(0.5, {"a, 4 subjects": KINDS["a, 4 subjects"]}, "a"), KINDS)
    with pytest.raises(ValueError, match="expected a table of simulation, quantity"):
        extended("# Another page\n", new, KINDS)


def test_the_page_of_the_docs_can_be_kept() -> None:
    text = COVERAGE.read_text(encoding="utf-8")
    n_designs = re.search(r"(\d+) designs", text)
    assert n_designs
    assert page(page_rows(text), int(n_designs[1])) == text


def test_the_command_extends_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, first, out = (tmp_path / name for name in ("lines.csv", "first.md", "out.md"))
    first.write_text(summary(judged(0.95, STUDIES, "thickness")), encoding="utf-8")
    judged(0.95, STUDIES, "total variance").to_csv(table, index=False)
    main([str(table), "--keep", str(first), "--out", str(out)])
    kinds = [row[0] for row in page_rows(out.read_text(encoding="utf-8"))]
    assert list(dict.fromkeys(kinds)) == ["thickness", "total variance"]
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([str(table), "--keep", str(table)])
    assert "page to keep: expected a table" in capsys.readouterr().err


def test_a_beginning_that_no_study_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        simulation.main(["--only", "components", "total_variance"])
    assert "got total_variance" in capsys.readouterr().err


def test_few_repeats_are_made_where_the_time_is_over_and_all_where_it_is_not() -> None:
    assert list(simulation.within(5, 0.0)) == [0, 1]
    assert list(simulation.within(5, math.inf)) == [0, 1, 2, 3, 4]


def test_the_expected_coefficient_is_that_of_signs_of_two_members_and_one_of_equal_ranks() -> None:
    # two ranks agree or not: Sheppard's 2 / pi asin r
    assert Scored(8, 2, LINK).expected == pytest.approx(2 / math.pi * math.asin(LINK))
    assert Scored(8, 7, 1.0).expected == pytest.approx(1.0)
    assert Scored(8, 10**7, LINK).expected == pytest.approx(Scored(8, 4, LINK).of_many, abs=1e-6)


@pytest.mark.parametrize("link", [0.0, LINK])
def test_scores_are_related_as_they_are_said_to_be(link: float) -> None:
    n = 20_000
    images = Scored(1, n // N_ARCHITECTURES, link).images(np.random.default_rng(0))
    worse = [-values if DIRECTION[name] else values for name, values in images.scores.items()]
    found = np.corrcoef([images.errors[0], *(values[0] for values in worse)])
    expected = np.full(found.shape, COMMON)
    place = 1 + [*DIRECTION].index(RELATED)
    if link:
        expected[place] = expected[:, place] = 0.0
    expected[0] = expected[:, 0] = 0.0
    expected[0, place] = expected[place, 0] = link
    np.fill_diagonal(expected, 1.0)
    np.testing.assert_allclose(found, expected, atol=5 / math.sqrt(n))  # SE <= 1 / sqrt(n)
