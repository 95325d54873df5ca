"""`python -m stages derivatives`: what it refuses, and that nothing partial is left."""

import json
from pathlib import Path

import pytest

from stages.commands import derivatives
from stages.derivatives import dataset
from stages.study import layout
from stages.study.schema import VOLUMES
from tests.derivatives.conftest import samples, study, volumes_alone
from tests.fabricated import change_params

__all__ = ["samples", "study", "volumes_alone"]
OUT = Path("work/derivatives")


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, which must fail, and return its one line."""
    with pytest.raises(SystemExit) as ended:
        derivatives.main(list(arguments))
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1 and lines[-1].startswith("error: ")
    return lines[-1]


@pytest.mark.usefixtures("volumes_alone")
class TestDerivatives:
    """In a study of volumes alone, whose derivative is made at once."""

    def test_an_earlier_one_is_replaced_only_if_that_is_said(self, capsys) -> None:
        derivatives.main([])
        (OUT / "own.txt").write_text("mine")
        assert "give --replace" in fails(capsys)
        assert (OUT / "own.txt").exists()
        derivatives.main(["--replace"])
        assert not (OUT / "own.txt").exists() and (OUT / "README.md").exists()

    @pytest.mark.parametrize("content", [None, "{}", '{"Name": "x", "GeneratedBy": [{}]}', "[]"])
    def test_anything_else_in_the_way_is_refused(self, capsys, content: str | None) -> None:
        OUT.mkdir(parents=True)
        (OUT / "notes.txt").write_text("mine")
        if content is not None:
            (OUT / "dataset_description.json").write_text(content)
        line = fails(capsys, "--replace")
        assert "expected" in line and (OUT / "notes.txt").read_text() == "mine"
        with pytest.raises(SystemExit):
            derivatives.main(["--out", "mine.csv"])
        assert Path("mine.csv").is_file()

    def test_an_empty_folder_is_taken(self) -> None:
        OUT.mkdir(parents=True)
        derivatives.main([])
        description = json.loads((OUT / "dataset_description.json").read_text())
        assert description["DatasetType"] == "derivative"

    def test_nothing_partial_is_left(self, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
        derivatives.main([])
        before = sorted(path for path in Path().rglob("*"))
        text = (OUT / "README.md").read_bytes()

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device", "somewhere")

        monkeypatch.setattr(dataset, "write_described", full)
        assert "No space left on device" in fails(capsys, "--replace")
        assert "No space left on device" in fails(capsys, "--out", "other")
        assert sorted(path for path in Path().rglob("*")) == before
        assert (OUT / "README.md").read_bytes() == text

    def test_a_study_that_was_not_run_is_one_line(self, capsys) -> None:
        layout.table("analyse", "cv").unlink()
        assert "plots/analyse/*.csv: expected a CSV table, found none; run" in fails(capsys)
        VOLUMES.path("mine").unlink()
        assert "work/measures/mine/volumes.csv: expected a CSV table" in fails(capsys)
        assert not OUT.exists()

    @pytest.mark.parametrize("text", ["a,b\n1\n", "", "a\n\xff"])
    def test_a_damaged_table_is_one_line(self, capsys, text: str) -> None:
        path = layout.table("analyse", "cv")
        path.write_bytes(text.encode("latin-1"))
        assert f"{path}: expected a CSV table, got a damaged file" in fails(capsys)
        assert not OUT.exists()

    def test_tabs_and_lines_in_cells_become_blanks(self) -> None:
        layout.table("analyse", "paper").write_text('quantity,here\n"a\tb\nc",nan\n')
        derivatives.main([])
        path = OUT / "tables" / layout.table("analyse", "paper").with_suffix(".tsv")
        assert path.read_text() == "quantity\there\na b c\tn/a\n"

    def test_groups_of_the_same_letters_are_refused(self, capsys) -> None:
        change_params(Path(), "external", "mi-ne", {"volumes": "mine.csv"})
        assert "differ in letters or digits, got 'mine' and 'mi-ne'; rename" in fails(capsys)


def test_an_image_that_was_replaced_is_refused(study, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(study)
    path = layout.sidecar(layout.image("noise", 1, "sub-e0s0"))
    path.write_text(json.dumps({"MD5": "0" * 32}))
    try:
        line = fails(capsys, "--out", str(tmp_path / "out"))
    finally:
        path.unlink()
    assert "it was replaced; remake it" in line and not (tmp_path / "out").exists()


def test_labels_without_names_are_called_by_their_numbers() -> None:
    from stages.derivatives.places import label_codes

    names = {0: "background", 17: "hippocampus", 18: "x", 54: "y", 1001: "ctx-lh-bankssts"}
    expected = {0: "BG", 17: "HIP", 18: "18", 54: "54", 1001: "1001"}
    assert label_codes(names) == expected
