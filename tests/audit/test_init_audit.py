"""`init-audit` writes a folder in which DVC knows every stage; the pages of docs/ say how."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages.commands import init_audit
from stages.storage.nifti import affine, save_volume
from stages.study import layout
from stages.study.structures import ADULT_MM3, STRUCTURES, SYNTHSEG_TABLE
from tests.fabricated import ROOT

PAGES = ("own-images", "own-segmentations", "own-volumes")
PREFIX = "python -m stages init-audit "


def write_volumes(folder: Path, n_subjects: int = 4) -> None:
    """Write `mine.csv` of three members and `reference.csv`, in SynthSeg's format."""
    rng = np.random.default_rng(0)
    base = np.array(
        [
            next(ADULT_MM3[s.name] / len(s.labels) for s in STRUCTURES if label in s.labels)
            for label in SYNTHSEG_TABLE
        ]
    )
    names = ",".join(SYNTHSEG_TABLE.values())
    mine, reference = [f"subject,member,{names}"], [f"subject,{names}"]
    for k in range(n_subjects):
        head = base * np.exp(0.1 * rng.normal(size=len(base)))
        reference.append(",".join([f"p0{k}", *map(str, head)]))
        for member in range(3):
            values = head * np.exp(0.02 * rng.normal(size=len(base)))
            mine.append(",".join([f"p0{k}", str(member), *map(str, values)]))
    (folder / "mine.csv").write_text("\n".join(mine) + "\n")
    (folder / "reference.csv").write_text("\n".join(reference) + "\n")


def write_images(folder: Path, *, labelled: bool) -> None:
    """Write images of two scans, with or without label maps, and their tables."""
    end = ",labels" if labelled else ""
    mine, reference = [f"subject,member,image{end}"], [f"subject,image{end}"]
    for subject in ("p01", "p02"):
        for member in ("", "1", "2"):
            name = f"{subject}_{member}.nii.gz"
            data = np.full((6, 7, 8), 1.0, np.float32)
            save_volume(folder / name, data, affine((6, 7, 8), (2.0, 2.0, 2.0), "RAS"))
            cells = [subject, *([member] if member else []), name, *([name] if labelled else [])]
            (mine if member else reference).append(",".join(cells))
    (folder / "mine.csv").write_text("\n".join(mine) + "\n")
    (folder / "reference.csv").write_text("\n".join(reference) + "\n")


def commands(page: str) -> list[str]:
    """Return the calls of `init-audit` of a page of docs/."""
    text = (ROOT / "docs" / f"{page}.md").read_text().replace("\\\n", " ")
    return [line for line in re.findall(r"^\$ (.+)$", text, re.MULTILINE) if PREFIX in line]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_pages_run_as_they_stand(page: str, here: Path) -> None:
    if page == "own-volumes":
        write_volumes(here)
    else:
        write_images(here, labelled=page == "own-segmentations")
    found = [command for command in commands(page) if "--again" not in command]
    assert found
    for k, command in enumerate(found):
        words = shlex.split(command.removeprefix(PREFIX))
        init_audit.main([words[0] + str(k), *words[1:]])
        params = yaml.safe_load(Path(words[0] + str(k), "params.yaml").read_text())
        chosen = "command" if "--segment" in words else "files"
        if page == "own-segmentations":
            assert params["segment"]["method"] == chosen
        assert set(params["external"]) == {"mine", "reference"}
    init_audit.main(["audit0", "--again"])


def test_dvc_knows_the_stages_and_a_second_audit_needs_another_folder(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(here, labelled=False)
    arguments = ["audit", "--images", "mine.csv", "--reference", "reference.csv"]
    init_audit.main(arguments)
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        cwd=here / "audit",
        capture_output=True,
        text=True,
        check=True,
    )
    names = set(done.stdout.split())
    assert {"code", "import-images-mine", "segment-reference", "deformation-mine"} <= names
    with pytest.raises(SystemExit):
        init_audit.main(arguments)
    assert "audit: expected a new or empty folder, got one in use" in capsys.readouterr().err


def repro() -> str:
    """Run `dvc repro` in the current directory and return what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        env=os.environ | {"PATH": path, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.slow
def test_dvc_repro_goes_from_volumes_alone_to_a_report(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volumes(here)
    arguments = ["--volumes", "mine.csv", "--reference-volumes", "reference.csv"]
    init_audit.main(["audit", *arguments])
    monkeypatch.chdir(here / "audit")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("bootstrap_draws: 1000", "bootstrap_draws: 20"))
    repro()
    written = Path("plots/report/report.html").read_text()
    assert "What this study does not ask" in written and "Mine" in written
    assert "fully sampled" not in re.sub(r'"data:[^"]*"', "", written)
    drawn = {path.stem for path in Path("plots/report").glob("*.png")}
    assert {"figure2", "agreement", "components", "power"} <= drawn
    assert not drawn & {"figure1", "slopes", "masks", "training", "surrogates"}
    assert layout.HEADLINE.exists()
    assert "Data and pipelines are up to date." in repro()


def test_what_interpolation_does_is_measured_where_images_are_resampled_and_segmented(
    here: Path,
) -> None:
    write_images(here, labelled=True)
    arguments = ["--images", "mine.csv", "--reference", "reference.csv", "--resample", "rigid"]
    for name, more in (("given", []), ("made", ["--segment", "tool {image} {labels}"])):
        init_audit.main([name, *arguments, *more])
        stages = yaml.safe_load(Path(name, "dvc.yaml").read_text())["stages"]
        found = {stage for stage in stages if "interpolation" in stage}
        kinds = ("segment", "measure", "overlap", "deformation") if more else ()
        assert found == {f"{kind}-mine_interpolation" for kind in kinds}
        outs = stages["import-images-mine"]["outs"]
        assert ("work/images/mine_interpolation" in outs) == bool(more)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit"], "expected either --images or --volumes"),
        (["audit", "--volumes", "mine.csv", "--reference", "mine.csv"], "reference in kind"),
        (["audit", "--volumes", "none.csv"], "none.csv: expected a table of volumes"),
        (["audit", "--volumes", "mine.csv", "mine.csv"], "got 'mine' twice"),
        (["audit", "--volumes", "noise=mine.csv"], "a name that no other group has"),
        (["audit", "--images", "folder"], "or --pattern for the names of its files"),
        (["audit", "--volumes", "mine.csv", "--reference-volumes", "few.csv"], "got none of"),
        (["audit", "--volumes", "mine.csv", "other=thin.csv"], "structures that all groups have"),
    ],
)
def test_what_cannot_be_an_audit_is_one_line_and_leaves_nothing(
    arguments: list[str], message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_volumes(here)
    lines = (here / "reference.csv").read_text().splitlines()
    (here / "few.csv").write_text("\n".join(lines[:3]) + "\n")
    (here / "thin.csv").write_text("subject,left vessel,brain-stem\np00,1,21000\n")
    text = (here / "mine.csv").read_text().replace("brain-stem", "optic-chiasm")
    (here / "mine.csv").write_text(text)
    (here / "folder").mkdir()
    with pytest.raises(SystemExit):
        init_audit.main(arguments)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ") and message in line
    assert not (here / "audit").exists()
