"""A process that is killed leaves nothing partial under a final name, and its rerun is whole."""

import random
import signal
from pathlib import Path

import pytest

from tests.fabricated import Study, write_study
from tests.faults.killing import in_a_process, run_script, write_folder
from tests.faults.study import digest, left_over
from tests.scans import write_toy_study

NEVER = 10**9
N_KILLS = 4


@pytest.mark.parametrize("old", [None, "old"])
def test_a_folder_is_old_or_new_or_absent_at_every_moment(tmp_path: Path, old: str | None) -> None:
    final, seen, n = tmp_path / "results/0", set(), 0
    texts = {"old": '{\n  "a": "old"\n}\n', "new": '{\n  "a": "new"\n}\n'}
    while True:
        n += 1
        if old:
            assert in_a_process(write_folder, tmp_path, NEVER, old) == 0
            assert left_over(final) == []  # what the kill before has left is gone
        code = in_a_process(write_folder, tmp_path, n, "new")
        if code == 0:
            break
        assert code == -signal.SIGKILL
        if not final.exists():
            seen.add("absent")
            continue
        found = {path.name: path.read_text() for path in final.iterdir()}
        state = next(name for name, text in texts.items() if text == found["a.json"])
        assert found["b.json"] == texts[state].replace('"a"', '"b"')
        seen.add(state)
    assert n > 10
    assert seen == ({"old", "absent", "new"} if old else {"absent"})
    assert left_over(final) == []


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of toy scans."""
    folder = tmp_path_factory.mktemp("scans")
    write_toy_study(folder)
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of fabricated images and segmentations."""
    folder = tmp_path_factory.mktemp("tables")
    write_study(folder, Study(n_members=2, n_draws=2, n_scans=2))
    return folder


SCRIPTS = {
    "inspect": ("scans", [], "work/inspection"),
    "mask": ("scans", [], "work/masks"),
    "reference": ("scans", [], "work/images/reference/0"),
    "measure": ("tables", ["unet"], "work/measures/unet"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_killed_at_a_change_of_the_disk(
    script: str, request: pytest.FixtureRequest
) -> None:
    fixture, arguments, name = SCRIPTS[script]
    study = request.getfixturevalue(fixture)
    final, generator = study / name, random.Random(script)
    assert in_a_process(run_script, study, NEVER, script, arguments) == 0
    whole = digest(final)
    for _ in range(N_KILLS):
        code = in_a_process(run_script, study, generator.randint(1, 9), script, arguments)
        assert code == -signal.SIGKILL
        assert not final.exists() or digest(final) == whole
        assert in_a_process(run_script, study, NEVER, script, arguments) == 0
        assert digest(final) == whole
        assert left_over(final) == []
