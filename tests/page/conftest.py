"""A small study that is measured and analysed once for all tests of the page."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from stages import analyse
from stages.page import other_segmenter
from stages.page.render import write_report
from stages.page.run_record import Record
from stages.params.ensembles import EnsembleParams
from stages.params.settings import Settings
from stages.provenance.basis import present
from stages.storage.files import read_json, write_json
from stages.study import layout
from tests.fabricated import (
    ARCHITECTURES,
    ROOT,
    Study,
    measure_study,
    without_networks,
    write_study,
)
from tests.settings import write_settings

HOSTILE = "<script>document.title='taken'</script>"
LONG_STAGE = "reconstruct-baseline@compressed_sensing"
RECORD = Record([("processor", "word " * 40)], [(LONG_STAGE, "1.0", "1.0", "100")], "Remark.")
ATLAS = other_segmenter.Segmenter(method="atlas", weights="weights/atlas.npz", md5="0" * 32)
STRIPS = 3 * 3  # of the first subject: fully sampled, reconstruction and maps by three networks
DRAWN = ("cohort", "figure2", "figure3_rim")  # all other figures are missing


def answers_by(segmenter: other_segmenter.Segmenter) -> other_segmenter.Kept:
    """The answers of the study in the current directory, as if another segmenter had them."""
    texts = {name: read_json(layout.metric("analyse", name)) for name in other_segmenter.METRICS}
    tables = {name: pd.read_csv(layout.table("analyse", name)) for name in other_segmenter.TABLES}
    return other_segmenter.kept(segmenter, present(EnsembleParams.load()), texts, **tables)


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a measured study of two members, three scans and a parameter of ill will."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        without_networks(patch)
        write_study(folder, Study(n_members=2, n_draws=2, n_scans=3))
        params = yaml.safe_load(Path("params.yaml").read_text())
        params["segment"]["weights"] = f"{HOSTILE}.npz"
        params["report"]["n_scans"] = 1
        params["analyse"]["structures"] = ["hippocampus", "caudate", "thalamus"]
        Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        shutil.copy(ROOT / "dvc.yaml", folder)
        measure_study(Study(n_members=2, n_draws=2, n_scans=3))
        analyse.main()
    for k, name in enumerate(DRAWN):
        image = Image.new("RGB", (900, 300), (40 * k, 90, 160))
        path = folder / layout.figure("report", name)
        path.parent.mkdir(exist_ok=True)
        image.save(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_json(other_segmenter.FILE, answers_by(ATLAS).model_dump())
    return folder


@pytest.fixture(scope="session")
def page(measured: Path) -> Path:
    """The page of that study, with a record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(measured)
        write_report(Path("page.html"), RECORD)
    return measured / "page.html"


@pytest.fixture
def study(measured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The measured study as the current directory."""
    monkeypatch.chdir(measured)
    return measured


@pytest.fixture
def settings() -> Settings:
    """The default study's parameters."""
    return Settings.load(ARCHITECTURES, ROOT / "params.yaml")


@pytest.fixture
def paper(tmp_path: Path) -> Settings:
    """The paper's parameters."""
    return Settings.load(ARCHITECTURES, write_settings("paper", tmp_path))
