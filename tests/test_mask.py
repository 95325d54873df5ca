"""The script that gives every scan its mask: drawn, or one of the challenge's."""

from pathlib import Path

import numpy as np
import pytest

from stages import mask
from stages.kspace.formats.catalogue import open_scan
from stages.kspace.formats.protocol import ScanFormat
from stages.kspace.masks.centre import disk
from stages.kspace.masks.challenge import RADIUS
from stages.kspace.masks.sampling import load_mask
from stages.kspace.masks.search import MaskOptions
from stages.kspace.masks.uniform_poisson import draw_mask
from stages.params.mask import MaskParams
from stages.storage.files import read_json
from stages.study import layout
from stages.study.seeds import stable_seed
from tests.scans import N_COILS, PARTIAL_FOURIER, fabricate_scan, write_toy_params

WIDTHS = {44: 38, 48: 41}  # columns: acquired ones
PARTS = (layout.TRAIN, layout.VALIDATION)
N_KY = 46
CHALLENGE = {"mask.kind": "challenge", "mask.files": "masks"}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two scans of different widths, and masks for both as the challenge would name them."""
    rng = np.random.default_rng(0)
    (tmp_path / "masks").mkdir()
    for split, n_kz in zip(PARTS, WIDTHS, strict=True):
        fabricate_scan(tmp_path / f"data/{split}/s{n_kz}.7.h5", grid=(2, N_KY, n_kz))
        masks = disk((N_KY, n_kz), RADIUS) | (rng.random((100, N_KY, n_kz)) < 0.1)
        np.save(tmp_path / f"masks/R2_{N_KY}x{n_kz}.npy", masks.astype(np.int8))
    changes = {**CHALLENGE, "mask.acceleration": 1.8}
    write_toy_params(tmp_path, **changes)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chosen(n_kz: int, seed: int = 0) -> np.ndarray:
    """Return the mask that a scan must get, all columns."""
    number = stable_seed("mask", f"sub-s{n_kz}7", seed) % 100
    return np.load(f"masks/R2_{N_KY}x{n_kz}.npy")[number].astype(bool)


def files() -> set[str]:
    """Return the names of all masks below their folder."""
    return {path.relative_to(layout.MASKS).as_posix() for path in layout.MASKS.rglob("*.npz")}


def test_every_scan_gets_a_mask_of_the_challenge(study: Path) -> None:
    mask.main()
    found = []
    for part, (n_kz, n_acquired) in zip(PARTS, WIDTHS.items(), strict=True):
        stored = load_mask(layout.mask(f"sub-s{n_kz}7", part))
        np.testing.assert_array_equal(stored.mask[:, :n_acquired], chosen(n_kz)[:, :n_acquired])
        assert not stored.mask[:, n_acquired:].any()
        found.append(N_KY * n_acquired / chosen(n_kz)[:, :n_acquired].sum())
    # the tolerance of drawn masks does not apply, what is achieved is told
    told = read_json("metrics/mask/masks.json")["acceleration"]["acquired"]
    assert told["min"] == pytest.approx(min(found), rel=1e-5)
    assert told["max"] == pytest.approx(max(found), rel=1e-5)


def test_the_mask_seed_chooses_others(study: Path) -> None:
    write_toy_params(study, **CHALLENGE, **{"mask.acceleration": 2.0, "mask.seed": 1})
    mask.main()
    stored = load_mask(layout.mask("sub-s447", layout.TRAIN))
    np.testing.assert_array_equal(stored.mask[:, :38], chosen(44, seed=1)[:, :38])


def test_a_matrix_without_masks(study: Path, capsys: pytest.CaptureFixture) -> None:
    Path(f"masks/R2_{N_KY}x48.npy").unlink()
    with pytest.raises(SystemExit):
        mask.main()
    assert f"masks/R2_{N_KY}x48.npy: expected the challenge's" in capsys.readouterr().err
    assert not layout.MASKS.exists()


def test_only_listed_scans_get_a_mask(study: Path) -> None:
    fabricate_scan(study / "data/train/other.h5", grid=(2, N_KY, 20))
    write_toy_params(
        study,
        **CHALLENGE,
        **{"mask.acceleration": 2.0, "data.train_files": ["s44.7.h5"]},
    )
    mask.main()
    assert files() == {
        "train/sub-s447_mask.npz",
        "validation/sub-s487_mask.npz",
        "monitor/sub-s487_mask.npz",
    }


def test_monitor_scans_may_be_others_than_the_validation_scans(study: Path) -> None:
    fabricate_scan(study / "data/validation/other.h5", grid=(2, N_KY, 44))
    parts = {"data.validation_files": ["s48.7.h5"], "data.monitor_files": ["other.h5"]}
    read = {"mask.kind": "challenge", "mask.files": "masks", "mask.acceleration": 2.0}
    write_toy_params(study, **read, **parts)
    before = Path("before")
    mask.main()
    assert files() == {
        "train/sub-s447_mask.npz",
        "validation/sub-s487_mask.npz",
        "monitor/sub-other_mask.npz",
    }
    layout.MASKS.rename(before)
    write_toy_params(study, **read)
    mask.main()  # one more validation scan
    training = "train/sub-s447_mask.npz"
    assert (layout.MASKS / training).read_bytes() == (before / training).read_bytes()
    assert len(files()) == 5


def test_drawn_masks_depend_on_name_and_seed_alone(study: Path) -> None:
    write_toy_params(study)
    params = MaskParams.load()
    scan = open_scan(Path("data/train/s44.7.h5"), ScanFormat(N_COILS, PARTIAL_FOURIER))
    options = MaskOptions.of(params, params.uniform_poisson)
    expected = draw_mask((N_KY, 44), 38, options, stable_seed("mask", "sub-s447", params.seed))
    np.testing.assert_array_equal(mask.mask_of(scan, params).mask, expected.mask)


def test_matched_phantoms_share_a_mask(study: Path) -> None:
    for name in ("headV001", "headV001lesions", "headV002"):
        fabricate_scan(Path(f"data/validation/{name}.h5"), grid=(2, N_KY, 44))
    mask.main()
    healthy, diseased, other = (
        load_mask(layout.mask(f"sub-{name}")).mask
        for name in ("headV001", "headV001lesions", "headV002")
    )
    np.testing.assert_array_equal(diseased, healthy)
    assert (other != healthy).any()
