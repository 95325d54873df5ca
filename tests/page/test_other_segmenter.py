"""Answers by another segmenter: kept without loss, and shown beside nothing but their like."""

import json
from pathlib import Path

import pandas as pd
import pytest

from stages.figures.kit.facts import load_facts
from stages.page import other_segmenter
from stages.page.answers.headline_table import headline
from stages.page.answers.least_variable import variability
from stages.page.side_by_side import beside
from stages.params.ensembles import EnsembleParams
from stages.provenance.basis import present
from stages.storage.files import write_json
from stages.study.errors import StudyError
from tests.page.conftest import ATLAS, answers_by

OTHER = ATLAS.model_copy(update={"md5": "1" * 32})
OWN = ATLAS.model_copy(update={"method": "synthseg", "mode": "standard", "fast": False})


def test_what_is_kept_answers_as_the_study_itself(study: Path, tmp_path: Path) -> None:
    own = load_facts()
    write_json(tmp_path / "kept.json", answers_by(ATLAS).model_dump())
    found = other_segmenter.load(tmp_path / "kept.json")
    assert found is not None
    other = found.facts(own)
    assert headline(other).drop(columns="PSNR (dB)").equals(headline(own).drop(columns="PSNR (dB)"))
    assert variability(other) == variability(own)


def test_pairs_without_a_cv_are_left_out() -> None:
    cv = pd.DataFrame({"group": "rim", "structure": ["a", "b"], "subject": "s", "cv": [1.0, None]})
    outliers = pd.DataFrame({"group": "rim", "member": [0, 1], "cv_without": [None, 2.0]})
    metrics = {name: {} for name in other_segmenter.METRICS}
    found = other_segmenter.kept(ATLAS, {}, metrics, cv, outliers)
    assert found.cv == {"rim": {"a": {"s": 1.0}}}
    assert found.cv_without == {"rim": {"1": 2.0}}


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert other_segmenter.load(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cv", [], "'cv': input should be a valid dictionary"),
        ("cv", {"rim": {"a": {"s": "1"}}}, "'cv.rim.a.s': input should be a valid number"),
        ("more", 1, "'more': extra inputs are not permitted"),
    ],
)
def test_a_damaged_file_is_one_line(
    study: Path, tmp_path: Path, key: str, value: object, said: str
) -> None:
    content = answers_by(ATLAS).model_dump() | {key: value}
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(content))
    with pytest.raises(StudyError, match="; delete it, or run the study") as error:
        other_segmenter.load(path)
    assert f"{path}: {said}" in str(error.value)
    assert "\n" not in str(error.value)


def test_only_their_like_stand_beside_each_other(study: Path) -> None:
    basis = present(EnsembleParams.load())
    assert other_segmenter.fault(answers_by(ATLAS), basis, OWN) is None
    assert "got the same" in str(other_segmenter.fault(answers_by(OWN), basis, OWN))
    moved = OWN.model_copy(update={"weights": "elsewhere/atlas.npz"})
    assert "got the same" in str(other_segmenter.fault(answers_by(moved), basis, OWN))
    other = basis | {"work/images/rim/0": "0.dir", "params.yaml, noise": "0"}
    assert other_segmenter.fault(answers_by(ATLAS), other, OWN) == (
        "expected the reconstructions of this study, got others: work/images/rim/0 and 1 more"
        " differ"
    )
    other = basis | {"work/code/measure.json": "0"}
    assert other_segmenter.fault(answers_by(ATLAS), other, OWN) == (
        "expected the code and the parameters of this study, got others: work/code/measure.json"
        " differs"
    )


def test_answers_by_weights_that_have_changed_are_left_out(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    basis = present(EnsembleParams.load())
    weights = Path(ATLAS.weights)
    weights.parent.mkdir(exist_ok=True)
    weights.write_bytes(b"another atlas")
    try:
        assert "expected weights/atlas.npz of MD5" in str(
            other_segmenter.fault(answers_by(ATLAS), basis, OWN)
        )
        # a file that the stage does not depend on may change without a new page
        monkeypatch.setattr(other_segmenter, "dependencies", lambda _: [])
        assert other_segmenter.fault(answers_by(ATLAS), basis, OWN) is None
    finally:
        weights.unlink()


def test_the_section_is_there_says_why_not_or_is_absent(study: Path) -> None:
    own = load_facts()
    assert beside(own, None) is None
    assert beside(own, answers_by(other_segmenter.Segmenter.present())) is None
    found = beside(own, answers_by(ATLAS))
    assert found is not None
    assert found.image is not None
    assert not found.note
    of_another_study = answers_by(ATLAS).model_copy(update={"basis": {"params.yaml, noise": "0"}})
    assert beside(own, of_another_study) is None
    basis = answers_by(ATLAS).basis | {"work/images/rim/0": "0.dir"}
    found = beside(own, answers_by(ATLAS).model_copy(update={"basis": basis}))
    assert found is not None
    assert found.rows == ()
    assert found.note.startswith(
        "metrics/other_segmenter.json was left out: expected the reconstructions of this study"
    )
    assert "--beside REVISION --keep" in found.note
