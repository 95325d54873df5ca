"""The command that puts diseases into measured k-space."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages.commands import implant
from stages.implantation.coil_images import centred_images
from stages.kspace.combination import rss_image
from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import ScanFormat
from stages.storage.nifti import load_volume
from stages.study import layout
from stages.study.pairs import matched_pairs
from tests.implantation.heads import (
    N_COILS,
    STEM,
    SUBJECT,
    Written,
    brain,
    kspace_of,
    labels,
    write_healthy,
)
from tests.kspace.formats.writers import write_fastmri
from tests.scans import write_toy_params

OUT = Path("implanted")
ONE = ("--kind", "lesions", "--number", 1, "--labels", layout.TRUTH, "--out", OUT)
SAID = re.compile(r"^data: .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A scan and its label map."""
    return write_healthy(tmp_path_factory.mktemp("measured"))


@pytest.fixture(autouse=True)
def study(written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the parameters, and links to the scan and its label map."""
    size = {"data.voxel_size_mm": [2.0, 2.0, 2.0], "data.n_coils": N_COILS}
    write_toy_params(tmp_path, **size)
    (tmp_path / "data").symlink_to(written.truth.parent)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: object) -> None:
    """Run the command."""
    implant.main([str(word) for word in words])


def written_kspace(said: str) -> dict[str, np.ndarray]:
    """Return the k-space of every scan that was written, by its stem, read as the command says."""
    (line,) = SAID.findall(said)
    told = yaml.safe_load(line)["data"]
    fmt = ScanFormat(**told | {"voxel_size_mm": tuple(told["voxel_size_mm"])})
    return {scan.path.stem: scan.read() for scan in list_scans(OUT / layout.VALIDATION, fmt)}


def table(name: str) -> pd.DataFrame:
    """Return a table of the truth by subject."""
    return pd.read_csv(OUT / f"truth/{name}.csv").set_index("subject")


def test_every_dose_is_a_scan_beside_the_one_it_was(
    written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*ONE, "--sizes", "1mL", "12mm", "--contrasts", 0.6, 0.8, "--originals")
    found, measured = written_kspace(capsys.readouterr().out), written.scan.read()
    names = [f"{STEM}implantlesions0{k}" for k in (1, 2, 3, 4)]
    assert sorted(found) == [STEM, *names]
    assert np.array_equal(found[STEM], measured)
    image = rss_image(measured)
    for name in names:
        changed = found[name] != measured
        assert not changed[..., ~written.scan.acquired].any()
        slices = changed.any(axis=(1, 2, 3))
        assert 0 < slices.sum() < 26
        darker = rss_image(found[name]) - image
        mask, _ = load_volume(
            layout.affected(f"sub-{name.replace('_', '')}", "lesions", OUT / "truth")
        )
        assert (darker[mask > 0] < 0).mean() > 0.9
        # beyond what partial Fourier blurs, nothing is seen
        assert np.abs(darker[slices][:, :8]).max() < 0.02 * np.abs(darker).max()
    about = table("subjects")
    assert matched_pairs(about.index) == [(n, SUBJECT) for n in about.index[1:]]
    assert about["contrast"][1:].tolist() == pytest.approx([0.6, 0.8, 0.6, 0.8], abs=0.03)
    volumes = [1000.0, 1000.0, np.pi / 6 * 12**3, np.pi / 6 * 12**3]
    assert table("lesions")["volume_mm3"].tolist() == pytest.approx(volumes, abs=1)
    assert (table("volumes").nunique() == 1).all()  # lesions count as the white matter they were


def test_hippocampi_lose_what_was_asked_and_all_is_the_same_twice() -> None:
    run(
        "--kind", "atrophy", "--size", "0.05", "--labels", layout.TRUTH, "--originals", "--out", OUT
    )
    healthy, ill = table("volumes").to_numpy(), table("volumes")
    lost = healthy[0] - healthy[1]
    columns = [list(ill).index(f"{side} hippocampus") for side in ("left", "right")]
    assert lost[columns].sum() == pytest.approx(50, abs=2)
    assert lost.sum() == pytest.approx(0, abs=1e-6)
    first = {path.name: path.read_bytes() for path in OUT.rglob("*") if path.is_file()}
    again = Path("again")
    run(
        "--kind",
        "atrophy",
        "--size",
        "0.05",
        "--labels",
        layout.TRUTH,
        "--originals",
        "--out",
        again,
    )
    assert first == {path.name: path.read_bytes() for path in again.rglob("*") if path.is_file()}


def test_a_scan_of_another_format(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kspace = kspace_of(labels())
    Path("fastmri").mkdir()
    write_fastmri(Path("fastmri/e1_s0.h5"), centred_images(kspace), voxel_mm=(2.0, 2.0, 2.0))
    write_toy_params(
        study,
        **{
            "data.format": "fastmri",
            "data.voxel_size_mm": [2.0, 2.0, 2.0],
            "data.n_coils": N_COILS,
            "data.partial_fourier": None,
            "data.acquired": "nonzero",
            "data.centred_transform": None,
        },
    )
    run("fastmri", *ONE, "--size", 2, "--contrast", 0.5, "--originals")
    found = written_kspace(capsys.readouterr().out)
    np.testing.assert_allclose(rss_image(found[STEM]), rss_image(kspace), rtol=1e-3, atol=1e-4)
    lesion = np.abs(rss_image(found[f"{STEM}implantlesions01"]) - rss_image(kspace))
    white = np.isin(brain(labels())[::2, ::2, ::2], (2, 41))
    assert white[np.unravel_index(lesion.argmax(), lesion.shape)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("--size", "2cm"), "implant: expected a size above 0 in mL or mm"),
        (("--contrast", "0"), "implant: expected a contrast, lesion over the tissue"),
        (("--seed", "-1"), "--seed: expected 0 or more"),
        (("--labels", "work"), "dseg.nii.gz: expected one label map of the fully sampled image"),
        (("--size", "900"), "e1_s0.h5: phantom.pathology.lesions.load_ml: expected less than"),
        (("--kind", "atrophy", "--contrast", "0.5"), "expected no --contrast for atrophy"),
        (("--out", "params.yaml"), "params.yaml: expected a new folder"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_is_written(
    changes: tuple[str, ...], message: str, error_line: Callable[..., str]
) -> None:
    words = ONE if "--kind" not in changes else ("--labels", layout.TRUTH, "--out", OUT)
    assert message in error_line(run, *words, *changes)
    assert {path.name for path in Path().iterdir()} == {
        "data",
        "params.yaml",
        "params.segmenters.yaml",
    }
