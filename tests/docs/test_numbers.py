"""Numbers of README.md and tables of docs/results.md are those of the committed studies.

Both are rendered from them (`test_results.py`); here their numbers are looked up a second time.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.claims import word
from tests.docs.pages import ROOT

NETWORKS = ("unet", "varnet", "rim")
README, RESULTS = Path("README.md"), Path("docs/results.md")
STUDIES = {README: Path("results/cohort"), RESULTS: Path()}
"""Page -> the study of its numbers."""
PARTS = {README: "readme.md.j2", RESULTS: "results.md.j2"}
NUMBER = r"-?\d+(?:\.\d+)?"


def metric(name: str, page: Path) -> dict[str, Any]:
    """Return a file of stage `analyse` of the study of a page."""
    path = ROOT / STUDIES[page] / f"metrics/analyse/{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def row(page: Path, start: str) -> list[str]:
    """Return the cells of the first row that starts so of what is rendered of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = text.partition(f"tests/docs/{PARTS.get(page, '')}")[2].splitlines()
    (line, *_) = [line for line in lines if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def shown(value: float, like: str) -> str:
    """Return a value with as many decimals as a number that is written."""
    digits = len(like.partition(".")[2])
    return f"{value:.{digits}f}"


def assert_written(cell: str, values: list[float]) -> None:
    """Assert that the numbers of a cell are the values, as far as they are written."""
    written = re.findall(NUMBER, cell)
    assert len(written) == len(values), cell
    assert written == [shown(value, text) for value, text in zip(values, written, strict=True)]


def ends(found: dict[str, float], value: str) -> list[float]:
    """Return a value and its interval."""
    return [found[value], found["low"], found["high"]]


@pytest.mark.parametrize("page", [README, RESULTS], ids=str)
def test_the_primary_endpoint(page: Path) -> None:
    slopes = metric("slopes", page)
    start = "slope of ln CV" if page == README else "primary endpoint"
    for cell, name in zip(row(page, start), NETWORKS, strict=True):
        assert_written(cell, ends(slopes[name]["cv"]["std_mean"]["within"], "value"))


def test_variability_and_bias_of_the_readme() -> None:
    volumes = metric("volumes", README)
    for start, key in (("median CV", "cv"), ("median absolute bias", "absolute_bias")):
        for cell, name in zip(row(README, start), NETWORKS, strict=True):
            assert_written(cell, ends(volumes[name][key], "median"))


@pytest.mark.parametrize(
    ("start", "group"), [("UNet |", "unet"), ("VarNet |", "varnet"), ("RIM |", "rim")]
)
def test_the_table_of_results(start: str, group: str) -> None:
    volumes, quality, r2 = (
        metric("volumes", RESULTS)[group],
        metric("image_quality", RESULTS)[group],
        metric("prediction", RESULTS),
    )
    cells = row(RESULTS, start)
    for cell, name in ((cells[1], "psnr"), (cells[2], "ssim")):
        assert_written(cell, [quality[name]["mean"], quality[name]["std"]])
    assert_written(cells[3], [volumes["cv"]["median"]])
    assert_written(cells[4], [volumes["absolute_bias"]["median"]])
    assert_written(cells[5], [volumes["bias"]["hippocampus"]])
    for cell, name in ((cells[6], "histogram"), (cells[7], "summary")):
        assert_written(cell, [r2[group]["r2"][name]])


def test_what_the_readme_says_of_them() -> None:
    text = " ".join((ROOT / README).read_text(encoding="utf-8").split())
    volumes, prediction = metric("volumes", README), metric("prediction", README)
    noise = re.search(
        rf"Noise on fully sampled scans gives a CV of ({NUMBER}) % and a bias of ({NUMBER}) %", text
    )
    reached = re.search(rf"reach up to ({NUMBER}) here, and up to ({NUMBER}) with the SD of", text)
    assert noise and reached
    assert_written(noise[1], [volumes["noise"]["cv"]["median"]])
    assert_written(noise[2], [volumes["noise"]["absolute_bias"]["median"]])
    own = max(value for name in NETWORKS for value in prediction[name]["r2"].values())
    kinds = [
        prediction[name]["controls"][kind] for name in NETWORKS for kind in ("histogram", "summary")
    ]
    others = max(kind["wrong_subject"]["mean"] for kind in kinds)
    assert [reached[1], reached[2]] == [shown(own, reached[1]), shown(others, reached[2])]
    slopes = metric("slopes", README)
    biased = [
        leaf["within"]["adjusted"] < 0.05 and leaf["within"]["value"] > 0
        for name in NETWORKS
        for leaf in slopes[name]["bias"].values()
        if isinstance(leaf, dict) and "adjusted" in leaf.get("within", {})
    ]
    of_bias = re.search(r"predict the \*bias\*\? (\w+) of (\d+) tests", text)
    assert of_bias and (of_bias[1].lower(), of_bias[2]) == (word(sum(biased)), str(len(biased)))
    keys = ("cv_difference", "absolute_bias_difference")
    found = [each for name in NETWORKS for key in keys for each in volumes[name][key].values()]
    undecided = all(each["low"] < 0 < each["high"] for each in found)
    assert ("Which network has the lowest CV or bias is undecided" in text) == undecided
