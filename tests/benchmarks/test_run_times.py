"""The table of run times, of fabricated records."""

from pathlib import Path

import pytest
import yaml

from stages.storage.files import write_json
from stages.study import layout
from tests.benchmarks import run_times
from tests.benchmarks.marked import inserted, markers
from tests.benchmarks.run_times import NAME, PAGE, duration, page_part

NOTES = {  # command: seconds, CPU seconds, MiB
    "code": (1.0, 0.5, 100.0),
    "train unet 0": (60.0, 100.0, 1000.0),
    "train rim 0": (90.0, 95.0, 2000.0),
    "measure unet": (20.0, 19.0, 500.0),
    "mask": (0.5, 0.4, 200.0),
    "report": None,
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder of a study with a note of each command but the last."""
    stages = {c: {"cmd": f"python -m stages.{c}"} for c in NOTES}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    for command, values in NOTES.items():
        if values:
            names = ("seconds", "cpu_seconds", "peak_mib")
            path = tmp_path / layout.duration(command)
            write_json(path, dict(zip(names, values, strict=True)))
    return tmp_path


def test_stages_of_a_script_are_one_row(study: Path) -> None:
    above, _, *table = page_part(study, 2, 60e9).splitlines()
    assert above.startswith("2 cores, 60 GFLOP/s on one of them in a plain float32 matrix product.")
    assert above.endswith(
        "1 of 6 stages have no record: they came out of DVC's cache or ran elsewhere."
    )
    assert table == [
        "| stage | number | wall | CPU | memory |",
        "| --- | --- | --- | --- | --- |",
        "| train | 2 | 2.5 min | 3.2 min | 2.1 GB |",  # 150 s, 195 s, 2,000 MiB
        "| measure | 1 | 20 s | 19 s | 0.5 GB |",
        "| 2 others, each less than 1% of the CPU time | 2 | 1.5 s | 0.9 s | 0.2 GB |",
        "| all | 5 | 2.9 min | 3.6 min | 2.1 GB |",  # 171.5 s, 214.9 s
    ]


def test_times_have_their_units() -> None:
    assert [duration(s) for s in (0.04, 9.96, 10, 119.4, 120, 4000)] == [
        *("0.0 s", "10.0 s", "10 s", "119 s", "2.0 min", "66.7 min")
    ]


def test_the_table_is_written_between_the_markers_of_the_page(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = PAGE.read_text("utf-8")
    copy = tmp_path / "page.md"
    copy.write_text(text, encoding="utf-8")
    monkeypatch.setattr(run_times, "PAGE", copy)
    monkeypatch.setattr(run_times, "matrix_speed", lambda _: 1e9)
    run_times.main([str(study), "--write"])
    once = copy.read_text("utf-8")
    begin, end = markers(NAME)
    assert once.split(begin)[0] == text.split(begin)[0]
    assert once.split(end)[1] == text.split(end)[1]
    assert once.split(begin)[1].split(end)[0].count("\n| ") == 6
    run_times.main([str(study), "--write"])
    assert copy.read_text("utf-8") == once


def test_a_folder_without_records_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(run_times, "matrix_speed", lambda _: 1e9)
    with pytest.raises(SystemExit) as stopped:
        run_times.main([str(tmp_path)])
    assert stopped.value.code == 2
    assert f"{tmp_path / 'work/durations'}: expected notes" in capsys.readouterr().err


def test_what_stood_between_markers_is_replaced() -> None:
    begin, end = markers("a")
    assert inserted(f"x\n{begin}old{end}\ny", "a", "new") == f"x\n{begin}\nnew\n{end}\ny"


def test_the_made_up_study_is_complete(tmp_path: Path) -> None:
    run_times.fabricate(tmp_path)
    found, missing = run_times.records(tmp_path)
    assert [row.name for row in found] == ["mask", "train", "train"]  # YAML sorts them
    assert missing == 0
