"""The methods follow the parameters, and cite in order."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from stages.page.methods_section import WORKS, Citations, Settings, methods
from tests.fabricated import ROOT
from tests.page.results import facts, metrics
from tests.settings import ALL, write_settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The default study's parameters."""
    monkeypatch.chdir(ROOT)
    return Settings.load(("unet", "varnet", "rim"))


def written(tree: dict, settings: Settings) -> str:
    """Return the paragraphs as one text, without hard spaces."""
    return " ".join(methods(facts(tree), settings)[0]).replace("\N{NO-BREAK SPACE}", " ")


def test_references_are_numbered_as_they_are_cited(settings: Settings) -> None:
    paragraphs, works = methods(facts(), settings)
    found = re.findall(r"\[([\d, ]+)\]", " ".join(paragraphs))
    numbers = [int(n) for group in found for n in group.split(", ")]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(works) + 1))


def test_a_work_keeps_its_number() -> None:
    works = Citations()
    assert [works.cite("rim"), works.cite("unet", "rim"), works.cite("rim")] == [
        "[1]",
        "[2, 1]",
        "[1]",
    ]


def test_every_work_can_be_found() -> None:
    assert all(re.match(r"https://(doi|arxiv)\.org/", work.link) for work in WORKS.values())


def test_the_text_tells_the_parameters(settings: Settings) -> None:
    text = written(metrics(), settings)
    steps = settings.train["rim"].steps
    assert f"RIM [4] (4 members, {steps:,} steps)" in text
    assert "5 validation scans (5 subjects, 12 coils, 2.0 × 2.0 × 2.0 mm) were simulated" in text
    assert (
        "5.0-fold by Poisson-disk masks of constant density (fully sampled centre: 2.7 %)" in text
    )
    assert "a small network trained on simulated heads" in text


def test_other_cohorts_and_segmenters(settings: Settings) -> None:
    tree = metrics() | {
        "paper": {"cohort": "calgary-campinas"},
        "masks": {"acceleration": {"full": {"mean": 5.82}}},
    }
    official = settings.segment.model_copy(update={"weights": "synthseg.h5", "mode": "robust"})
    masks = settings.mask.model_copy(update={"kind": "challenge", "files": "masks"})
    text = written(tree, replace(settings, segment=official, mask=masks))
    assert "were from the Calgary-Campinas challenge [1, 2]" in text
    assert "5.0-fold of the acquired part of k-space (5.8-fold of the full matrix)" in text
    assert "by the challenge's masks" in text
    assert "SynthSeg 2.0 in robust mode" in text


def test_a_network_that_nobody_described_is_not_cited(settings: Settings) -> None:
    other = settings.train["rim"].model_copy(update={"model": "lpd.lpd.LPDNet"})
    text = written(metrics(), replace(settings, train=settings.train | {"rim": other}))
    assert "RIM (4 members" in text


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_file_has_methods(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_settings(name, tmp_path)
    paragraphs, works = methods(facts(), Settings.load(("unet", "varnet", "rim")))
    assert len(paragraphs) == 4
    assert len(works) >= 8
