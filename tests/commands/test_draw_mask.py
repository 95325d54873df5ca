"""The command that writes one sampling mask."""

import re
from pathlib import Path

import numpy as np
import pytest

from stages.commands import draw_mask
from stages.kspace.masks import uniform_poisson
from stages.kspace.masks.catalogue import KINDS
from stages.kspace.masks.centre import disk
from stages.kspace.masks.protocol import Target
from stages.params.mask import READ, MaskParams
from tests.scans import write_toy_params

SHAPE, N_ACQUIRED = (48, 44), 38
OUT = Path("mask.npy")


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the parameters of a tiny study and no scan."""
    write_toy_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(kind: str, *more: object) -> np.ndarray:
    """Run the command; return what it wrote."""
    words = ["--kind", kind, "--shape", *SHAPE, "--out", OUT, *more]
    draw_mask.main([str(word) for word in words])
    mask = np.load(OUT)
    assert mask.dtype == bool and mask.shape == SHAPE
    return mask


def line_of_failure(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run the command, which must fail; return its line. Nothing may be written."""
    with pytest.raises(SystemExit) as stopped:
        draw_mask.main([str(word) for word in words])
    assert stopped.value.code == 1
    assert {path.name for path in Path().iterdir()} <= {
        "params.yaml",
        "params.segmenters.yaml",
        "masks",
    }
    return capsys.readouterr().err


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in READ])
def test_every_drawn_kind_is_written_as_the_study_draws_it(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--acceleration", 4, "--partial-fourier", 0.85, "--seed", 3)
    mask = drawn(kind, *options)
    params = MaskParams.load().model_copy(update={"kind": kind, "acceleration": 4.0})
    expected = KINDS[kind].mask(params, Target(SHAPE, N_ACQUIRED, 3))
    np.testing.assert_array_equal(mask, expected.mask)
    before = OUT.read_bytes()
    drawn(kind, *options)
    assert OUT.read_bytes() == before
    said = capsys.readouterr().out
    acquired, full = re.findall(r"acceleration: ([\d.]+) of the acquired .*, ([\d.]+) of", said)[0]
    assert float(acquired) == pytest.approx(48 * 38 / mask.sum(), abs=5e-4)
    assert float(full) == pytest.approx(48 * 44 / mask.sum(), abs=5e-4)


def test_the_profile_counts_acquired_samples(capsys: pytest.CaptureFixture[str]) -> None:
    mask = drawn("uniform_poisson", "--acceleration", 4)
    rings = re.findall(r"^ +(\d+) - +(\d+) +([\d.]+|nan)$", capsys.readouterr().out, re.MULTILINE)
    assert len(rings) >= 8
    y, z = np.indices(SHAPE)
    distance = np.hypot(y - 24, z - 22)
    for low, high, sampled in rings:
        ring = (int(low) <= distance) & (distance < int(high)) & (z < N_ACQUIRED)
        assert float(sampled) == pytest.approx(mask[ring].mean(), abs=5e-4)
    assert int(rings[-1][1]) > distance[:, :N_ACQUIRED].max()
    assert rings[0][2] == "1.000"


def test_params_give_what_is_left_out() -> None:
    write_toy_params(Path(), **{"mask.acceleration": 6.0, "mask.seed": 9})
    params = MaskParams.load()
    expected = uniform_poisson.mask_of(params, Target(SHAPE, N_ACQUIRED, 9))
    np.testing.assert_array_equal(drawn("uniform_poisson"), expected.mask)


def test_masks_that_are_read() -> None:
    Path("masks").mkdir()
    masks = disk(SHAPE, 18) | (np.random.default_rng(0).random((3, *SHAPE)) < 0.1)
    masks[..., N_ACQUIRED:] = False
    np.save("masks/R2_48x44.npy", masks)
    options = ("--files", "masks", "--acceleration", 2)
    np.testing.assert_array_equal(drawn("challenge", *options, "--seed", 5), masks[2])
    for k in range(2):
        np.save(f"masks/s{k}.npy", masks[k])
    counted = 48 * N_ACQUIRED / masks[1].sum()
    own = ("--files", "masks", "--acceleration", counted, "--scan", "s1.h5")
    np.testing.assert_array_equal(drawn("file", *own), masks[1])


def test_files_of_params_serve_their_own_kind(capsys: pytest.CaptureFixture[str]) -> None:
    Path("masks").mkdir()
    np.save("masks/R3_48x44.npy", disk(SHAPE, 18)[None])
    write_toy_params(Path(), **{"mask.kind": "challenge", "mask.files": "masks"})
    drawn("challenge")
    drawn("uniform_poisson")
    OUT.unlink()
    said = line_of_failure(capsys, "--kind", "file", "--shape", 48, 44, "--out", OUT)
    assert "draw-mask: 'mask.files': expected the folder or file of the masks, as kind file" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("--acceleration", 0.5), "draw-mask: 'mask.acceleration': input should be greater"),
        (("--partial-fourier", 0.4), "expected above 0.5 up to 1, the fraction of the kz columns"),
        (("--seed", -1), "draw-mask: 'mask.seed'"),
        (("--shape", 0, 44), "--shape: expected two positive numbers, got 0 44"),
        (("--files", "masks"), "'mask.files': expected null, as kind uniform_poisson draws"),
        (("--out", "mask.txt"), "mask.txt: expected a name that ends in .npy"),
        (("--acceleration", 200), "calibration region alone allows acceleration"),
        (("--kind", "challenge", "--files", "masks"), "R3_48x44.npy: expected the challenge's"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_is_written(
    changes: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--kind", "uniform_poisson", "--shape", 48, 44, "--out", OUT, *changes)
    said = line_of_failure(capsys, *words)
    assert message in said
    assert said.count("\n") == 1
