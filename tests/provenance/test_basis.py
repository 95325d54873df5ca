"""What a study's numbers rest on: DVC's own hashes, without reading a volume."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from dvc.repo import Repo

from stages.params.ensembles import EnsembleParams
from stages.pipeline.repository import opened
from stages.provenance import basis
from stages.storage.files import write_json
from stages.storage.nifti import affine, save_volume
from stages.study import layout
from tests.fabricated import ROOT, Study, write_params


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parameters of a study of two members, as the current directory."""
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path / "params.yaml", Study(n_members=2, n_draws=2))
    return tmp_path


def test_the_hash_of_a_folder_is_the_one_that_dvc_gives_it(folder: Path) -> None:
    image = layout.image("rim", 0, "sub-a")
    save_volume(image, np.ones((3, 4, 5), np.float32), affine((3, 4, 5), (2.0, 2.0, 2.0), "SAR"))
    root = layout.images("rim", 0)
    (root / "README.md").write_text("ä\n", encoding="utf-8")
    (root / "z").mkdir()
    (root / "z" / "ö.txt").write_text("")
    Repo.init(no_scm=True).close()
    with opened(folder) as repo:
        repo.add(str(root))
    recorded = yaml.safe_load(root.with_name("0.dvc").read_text())["outs"][0]["md5"]
    assert basis.folder_hash(root) == recorded
    (root / ".partial-x-abcdefgh").mkdir()
    (root / ".partial-x-abcdefgh" / "x").write_text("unfinished")
    assert basis.folder_hash(root) == recorded
    (root / "z" / "ö.txt").rename(root / "z" / "o.txt")
    assert basis.folder_hash(root) != recorded


def test_a_volume_is_known_by_its_sidecar(folder: Path) -> None:
    image = layout.image("rim", 0, "sub-a")
    image.parent.mkdir(parents=True)
    image.write_bytes(b"voxels")
    plain = basis.folder_hash(layout.images("rim", 0))
    sidecar = layout.sidecar(image)
    write_json(sidecar, {"MD5": "0" * 32})
    told = basis.folder_hash(layout.images("rim", 0))
    write_json(sidecar, {})
    assert len({plain, told, basis.folder_hash(layout.images("rim", 0))}) == 3


def test_images_code_and_parameters_count_and_noise_does_not(folder: Path) -> None:
    ensembles = EnsembleParams.load()
    first = basis.present(ensembles)
    images = [name for name in first if name.startswith("work/images/")]
    assert len(images) == 3 * 2 + 2
    assert not any("noise" in name for name in images)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["segment"]["fast"] = True
    params["report"]["n_scans"] = 1
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert basis.present(ensembles) == first
    params["analyse"]["level"] = 0.9
    Path("params.yaml").write_text(yaml.safe_dump(params))
    write_json(layout.CODE / "measure.json", {"stages/measure.py": "0" * 32})
    write_json(layout.images("rim", 1) / "a.json", {})
    assert basis.others(first, basis.present(ensembles)) == [
        "work/images/rim/1",
        "work/code/measure.json",
        "params.yaml, analyse",
    ]


def test_what_only_one_study_has_differs() -> None:
    assert basis.others({"a": "1"}, {"a": "1", "b": "2"}) == ["b"]
    assert basis.others({"a": "1", "c": "2"}, {"a": "1"}) == ["c"]


def test_every_script_and_section_is_one_of_the_study() -> None:
    names = {path.stem for path in (ROOT / "stages").glob("*.py")}
    assert set(basis.SCRIPTS) <= names
    deps = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["report"]
    assert layout.CODE.as_posix() in deps["deps"]  # all records of code
    assert set(basis.SECTIONS) <= {name for name in deps["params"] if isinstance(name, str)}
