"""The page with revision and machine, and with what another segmenter makes of the same images."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stages.commands import publish
from stages.page import other_revision, other_segmenter
from stages.params.ensembles import EnsembleParams
from stages.pipeline.revisions import Recorded
from stages.provenance.basis import code, folders, present
from stages.storage.files import read_json

ATLAS = "weights/atlas.npz"


@pytest.fixture
def asked(study: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorded]:
    """The measured study without kept answers, and revisions to read by name."""
    monkeypatch.setattr("stages.page.render.sections", lambda *_: iter(()))
    monkeypatch.setattr(publish, "gpu", lambda: "none")
    monkeypatch.setattr(other_segmenter, "FILE", Path("metrics/kept_by_test.json"))
    found: dict[str, Recorded] = {}
    monkeypatch.setattr(other_revision, "read_recorded", lambda name, _: found[name])
    return found


def recorded(**changes: str) -> Recorded:
    """What DVC would have recorded of the study in the current directory, measured by an atlas.

    Args:
        changes: folder of images -> hash.
    """
    texts = {path: Path(path).read_text() for path in other_revision.METRIC_FILES.values()}
    texts |= {path: Path(path).read_text() for path in other_revision.TABLE_FILES.values()}
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["segment"] |= {"method": "atlas", "weights": ATLAS}
    texts["params.yaml"] = yaml.safe_dump(params)
    basis = present(EnsembleParams.load())
    names = [*folders(EnsembleParams.load()), *code()]
    hashes = {name: basis[name] for name in names} | {ATLAS: "0" * 32} | changes
    return Recorded(hashes, texts)


def test_another_segmenter_is_set_beside_and_not_kept(asked: dict[str, Recorded]) -> None:
    asked["atlas"] = recorded()
    publish.main(["--beside", "atlas", "--out", "beside.html"])
    text = Path("beside.html").read_text(encoding="utf-8")
    assert "By another segmenter" in text
    assert f"atlas (atlas.npz), MD5 <code>{'0' * 32}</code>" in text
    assert 'id="record"' in text
    assert not other_segmenter.FILE.exists()


def test_what_is_kept_is_what_was_shown(asked: dict[str, Recorded]) -> None:
    asked["atlas"] = recorded()
    publish.main(["--beside", "atlas", "--out", "first.html", "--keep"])
    content = read_json(other_segmenter.FILE)
    assert other_segmenter.load(other_segmenter.FILE) == other_segmenter.Kept.model_validate(
        content
    )
    assert content["basis"] == present(EnsembleParams.load())
    other_segmenter.FILE.unlink()


def test_other_reconstructions_are_refused(
    asked: dict[str, Recorded], error_line: Callable[..., str]
) -> None:
    asked["atlas"] = recorded(**{"work/images/rim/1": "0.dir"})
    assert error_line(
        publish.main, ["--beside", "atlas", "--out", "refused.html", "--keep"]
    ).startswith(
        "error: revision 'atlas': expected the reconstructions of this study, got others:"
        " work/images/rim/1 differs; run the study by the other segmenter again"
    )
    assert not Path("refused.html").exists()
    assert not other_segmenter.FILE.exists()


def test_the_same_segmenter_is_refused(
    asked: dict[str, Recorded], error_line: Callable[..., str]
) -> None:
    found = recorded()
    found.texts["params.yaml"] = Path("params.yaml").read_text()
    asked["main"] = found
    line = error_line(publish.main, ["--beside", "main", "--out", "refused.html"])
    assert "expected another segmenter than" in line
    assert line.endswith("got the same; name another revision")
    assert not Path("refused.html").exists()


def test_a_revision_that_cannot_be_read_is_one_line(
    asked: dict[str, Recorded], error_line: Callable[..., str]
) -> None:
    found = recorded()
    found.texts["metrics/analyse/volumes.json"] = "{"
    asked["atlas"] = found
    assert "revision 'atlas': expected params.yaml, metrics/ and plots/" in error_line(
        publish.main, ["--beside", "atlas", "--out", "refused.html"]
    )


def test_nothing_can_be_kept_without_a_revision(error_line: Callable[..., str]) -> None:
    assert "--keep: expected --beside REVISION with it" in error_line(publish.main, ["--keep"])
