"""The graph of stages against the parameters."""

from pathlib import Path

import pytest

from stages.pipeline.completeness import check_members
from stages.study.errors import StudyError
from tests.fabricated import ROOT
from tests.settings import ALL, settings


def test_the_study_is_complete() -> None:
    for name in ALL:
        check_members(settings(name)["train"], ROOT / "dvc.yaml")


@pytest.mark.parametrize("kind", ["train", "select", "reconstruct", "segment"])
def test_a_missing_stage_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    path.write_text((ROOT / "dvc.yaml").read_text().replace(f"  {kind}-rim:", f"  {kind}-rum:"))
    with pytest.raises(StudyError, match=f"expected a stage '{kind}-rim', found none; copy"):
        check_members(["unet", "rim"], path)


def test_a_missing_or_damaged_graph(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    with pytest.raises(StudyError, match="expected the graph of stages, found none"):
        check_members(["rim"], path)
    for text in ("stages: [", "- a", "plots: {}"):
        path.write_text(text)
        with pytest.raises(StudyError, match="expected stages in YAML"):
            check_members(["rim"], path)
