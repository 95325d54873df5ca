"""The page of a small study: whole, safe, the same twice, and honest about what is missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from stages.cards.release import DATE
from stages.figures.kit.facts import load_facts
from stages.figures.kit.study_figure import MORE
from stages.page.answers.in_short import SENTENCES
from stages.page.pictures import Embedded
from stages.page.published import Comparison
from stages.page.render import contents, environment, parts, write_report
from stages.page.scan_pictures import Picture, ScanSection
from stages.storage.bids import VERSION
from stages.study import layout
from tests.page.conftest import DRAWN, HOSTILE, LONG_STAGE, RECORD, STRIPS
from tests.page.outline import Outline


@pytest.fixture(scope="module")
def written(page: Path) -> str:
    """The page's text."""
    return page.read_text(encoding="utf-8")


def test_the_page_is_whole(written: str) -> None:
    page = Outline(written)
    assert not page.faults
    assert page.levels[0] == 1
    assert page.levels.count(1) == 1
    steps = [b - a for a, b in zip(page.levels, page.levels[1:], strict=False)]
    assert max(steps) == 1, "a level of headings was left out"
    assert len(set(page.ids)) == len(page.ids)
    assert {a[1:] for a in page.anchors if a.startswith("#")} <= set(page.ids)
    assert all(image["alt"] for image in page.images)
    # two segmenters; one scan: fully sampled, three architectures, noise and zero-filling
    assert len(page.images) == len(DRAWN) + 1 + 6 + STRIPS


def test_the_page_needs_nothing_else(written: str) -> None:
    page = Outline(written)
    assert page.targets
    assert all(target.startswith("data:") for target in page.targets)
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert "url(" not in written
    assert "@import" not in written


def test_the_page_is_the_same_bytes_twice(study: Path, written: str) -> None:
    write_report(Path("again.html"), RECORD)
    assert Path("again.html").read_text(encoding="utf-8") == written
    assert str(study) not in written


def test_what_comes_from_parameters_is_escaped(written: str) -> None:
    assert HOSTILE not in written
    assert "&lt;script&gt;document.title=" in written


def test_names_of_scans_are_escaped(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.page.render.subject_view", lambda _: None)
    facts = replace(load_facts(), subject_of={HOSTILE: "a", "sub-b": "b"})
    content = contents(facts) | {"record": None}
    picture = Picture(HOSTILE, f'" onload="{HOSTILE}', HOSTILE, Embedded("data:,", 1, 1, 1))
    content["scans"] = [ScanSection(HOSTILE, (picture,))]
    text = environment().get_template("report.html.j2").render(content)
    page = Outline(text)
    assert not page.faults
    assert "script" not in page.tags
    assert page.images[-1]["alt"] == f'" onload="{HOSTILE}'
    assert "onload" not in page.images[-1]


def test_magnitude_images_are_warned_of(study: Path, written: str) -> None:
    assert "magnitude images" not in written
    layout.MAGNITUDE_IMAGES.parent.mkdir(parents=True, exist_ok=True)
    layout.MAGNITUDE_IMAGES.write_text("subject,image\n")
    try:
        write_report(Path("images.html"), RECORD)
    finally:
        layout.MAGNITUDE_IMAGES.unlink()
    text = Path("images.html").read_text(encoding="utf-8")
    assert "The scans were simulated from magnitude images, which are no raw data" in text


def test_what_was_not_drawn_is_said(written: str) -> None:
    assert "plots/report/figure1.png was not drawn." in written
    assert "plots/report/figure2.png was not drawn." not in written


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("metrics/analyse/volumes.json", "The variability of volumes was not measured."),
        ("metrics/analyse/inference.json", "This was not tested."),
    ],
)
def test_missing_results_are_said(
    study: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setattr("stages.page.render.sections", lambda *_: iter(()))
    hidden = Path(f"{name}.hidden")
    Path(name).rename(hidden)
    try:
        write_report(Path("less.html"))
    finally:
        hidden.rename(name)
    assert said in Path("less.html").read_text(encoding="utf-8")


def test_a_record_is_a_section_of_its_own(
    study: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setattr("stages.page.render.sections", lambda *_: iter(()))
    write_report(Path("plain.html"))
    plain = Path("plain.html").read_text(encoding="utf-8")
    assert not Outline(plain).faults
    for text in ('id="record"', LONG_STAGE, "word word"):
        assert text in written
        assert text not in plain


def test_nothing_partial_is_left(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("stages.page.scan_pictures.section", fail)
    with pytest.raises(RuntimeError):
        write_report(Path("broken.html"))
    assert not Path("broken.html").exists()
    assert not list(Path().glob(".partial-*"))


def test_links_live_wherever_the_report_lies(written: str) -> None:
    links = [anchor for anchor in Outline(written).anchors if not anchor.startswith("#")]
    assert links
    assert all(link.startswith("https://") for link in links)


def test_the_box_answers_in_order_and_the_release_stands_above(written: str) -> None:
    box = written.split('<ol class="answer">')[1].split("</ol>")[0]
    places = [box.index(question) for question in SENTENCES]
    assert places == sorted(places)
    assert box.count("<li>") == len(SENTENCES) == 5
    assert f"version {VERSION} of {DATE}" in written.split("</header>")[0]


def test_figures_stand_in_their_parts_and_the_last_ones_are_folded(study: Path) -> None:
    found = {part.name: part for part in parts(load_facts(), None)}
    assert list(found) == ["volumes", "predictors", "calibration", "draws", MORE]
    assert [name for name, part in found.items() if part.folded] == [MORE]
    assert [figure.name for figure in found["volumes"].figures] == ["figure2"]
    assert all(figure.good for part in found.values() for figure in part.figures)


def test_a_study_is_compared_with_the_paper_only_where_it_can_be(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.page.render.sections", lambda *_: iter(()))
    write_report(Path("apart.html"))
    assert 'id="paper"' not in Path("apart.html").read_text(encoding="utf-8")
    comparison = Comparison(["quantity"], [["scans"]], "Verdict.", comparable=True)
    monkeypatch.setattr("stages.page.published.comparison", lambda *_: comparison)
    write_report(Path("beside.html"))
    assert 'id="paper"' in Path("beside.html").read_text(encoding="utf-8")
