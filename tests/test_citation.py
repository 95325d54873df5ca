"""What the project says about itself, in more than one place, is the same everywhere."""

import tomllib

import yaml

from stages.cards.release import DATE, LINE
from tests.fabricated import ROOT


def test_version_name_and_licence_agree() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["title"], cited["version"], cited["license"]) == (
        project["name"],
        project["version"],
        project["license"],
    )
    assert project["license"] == "Apache-2.0"
    assert str(cited["date-released"]) == DATE
    assert cited["version"] in LINE
    assert f"## {cited['version']}, {DATE}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in licence
    for template in (ROOT / "stages/cards").glob("*.md.j2"):
        text = template.read_text(encoding="utf-8")
        assert "## Licence" not in text or project["license"] in text, template


def test_every_reference_can_be_found() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    for reference in cited["references"]:
        assert reference["authors"]
        assert reference.get("doi", "").startswith("10.") or reference["url"].startswith("https://")
