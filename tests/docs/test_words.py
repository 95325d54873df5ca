"""The study's vocabulary: what an MRI physicist, a statistician or an engineer would say."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, pages

FORBIDDEN = {  # as a regular expression, in any case -> what is said instead
    r"\bfore(?:tell|told)": "predict",
    r"beyond chance|\bis chance\b": "statistically significant, not significant",
    r"\bstands? apart\b|\boutlying (?:members?|ones?)\b": "outlier",
    r"\btypical bias\b|\bmedian size\b": "median absolute bias",
    r"\bnoise draws\b": "noise realisations",
    r"\b(?:is|as) the floor\b|\bthe floor (?:of|for)\b": "baseline",
    r"\basked SNR\b|\bachieved SNR\b": "nominal, measured SNR",
    r"\bcoil of \d+ channels\b|\b\d+-coil\b": "8-channel coil",
    r"\bacquired part\b": "partial-Fourier fraction, acquired k-space",
    r"\bcalibration lines\b": "calibration region",
    r"\blearns? nothing\b": "non-learned",
    r"\b(?:digital|fresh) heads?\b": "digital phantoms, held-out phantoms",
    r"\btwins?\b": "matched healthy phantom",
    r"\bill\b": "pathological",
    r"(?<!cerebrospinal )\bfluids?\b": "CSF",
    r"\bdrawn back to health\b": "biased towards normal anatomy",
    r"\boutlines? part\b": "contours differ",
    r"\bthe page\b": "HTML report",
    r"\bembedded (?:segmenter|network)\b|\bSynthSeg \(embedded\)": "bundled segmentation network",
    r"\bdoors?\b|\brooms \(": "stage script, package",
    r"\bmend(?:s|ed|ing)?\b|\bwhoever\b|\bamiss\b": "fix, anyone who, wrong",
    r"\bweeks of training\b": "large runs",
    r"\bheads that are not healthy\b": "pathology",
    r"\bwhen it goes wrong\b": "troubleshooting",
    r"\bsecond task\b": "other endpoints",
    r"\bno byte depends\b": "results are bit-identical",
    r"\bnobody\b": "a plain positive statement",
    r"(?<!noise )\bceilings?\b": "noise ceiling",
    r"\b(?:mean|voxelwise) deviations?\b": "standard deviation",
    r"\birrelevant predictors\b": "random-predictor baseline",
    r"\bknowing which structure\b": "structure-only baseline",
    r"\bexams?\b": "subject",
    # makers and their machine
    r"\bbeside other jobs\b|\bnot at hand\b|\bhas become faster\b|\bnot measured here\b": "nothing",
    r"\bof this state\b|\bwhere this was written\b|\bw(?:e|as) (?:wrote|written here)\b": "nothing",
}
IN_PAGES = {  # which code may say of anatomy, rounding and the like
    r"(?<!coefficient of )(?<!coefficients of )\bvariation\b": "variability",
    r"\bby itself\b": "alone",
}
BY_HAND = (
    "CITATION.cff",
    "Makefile",
    "dvc.yaml",
    "params*.yaml",
    "stages/cards/*.j2",
    "tests/docs/*.j2",
)
"""What is no page and has no docstrings: all of its text is read."""


def words(text: str) -> str:
    """Return text on one line, so that an expression is found wherever a line ends in it."""
    return re.sub(r"[\s#*]+", " ", text)


def faults(text: str, forbidden: Mapping[str, str]) -> list[str]:
    """Return every expression of a text that is not to be used, and what is said instead."""
    return [
        f"{found[0]!r}: {instead}"
        for pattern, instead in forbidden.items()
        for found in re.finditer(pattern, words(text), re.IGNORECASE)
    ]


def literals(path: Path) -> str:
    """Return all strings of a module, docstrings as well; no expression spans two of them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return " | ".join(value for value in nodes if isinstance(value, str))


def modules() -> list[str]:
    """Return all modules of the study, below the root."""
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "stages").rglob("*.py"))]


def written() -> list[Path]:
    """Return pages and other files that are read as they are."""
    others = [path.relative_to(ROOT) for each in BY_HAND for path in sorted(ROOT.glob(each))]
    return [*pages(), *others]


@pytest.mark.parametrize("path", written(), ids=str)
def test_pages_use_the_words_of_the_field(path: Path) -> None:
    assert not faults((ROOT / path).read_text(encoding="utf-8"), FORBIDDEN | IN_PAGES)


def test_so_do_the_strings_of_the_code() -> None:
    found = {path: faults(literals(ROOT / path), FORBIDDEN) for path in modules()}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_an_expression_is_found_across_lines() -> None:
    assert faults("the embedded\n  segmenter", FORBIDDEN) == [
        "'embedded segmenter': bundled segmentation network"
    ]
    right = "cerebrospinal\nfluid, a coefficient\nof variation and a noise ceiling"
    assert faults(right, FORBIDDEN | IN_PAGES) == []
