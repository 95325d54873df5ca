"""Groups of draws, from scans to images whose sidecars say what was drawn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tqdm import tqdm

from stages.params.ensembles import EnsembleParams
from stages.provenance.checks import duplicate_faults, scan_faults, training_faults
from stages.provenance.records import read_records
from stages.storage.files import read_json
from stages.storage.nifti import load_volume
from stages.study import layout
from tests.scans import run, write_toy_params, write_toy_study

SUBJECT = "sub-e2s0P07"
DRAWS = {
    method: {"of": "unet/0", "method": method, "members": [0, 1]}
    for method in ("replicas", "subsets", "transforms", "masks", "dropout", "snapshots", "swag")
}
DRAWS["dropout"]["rate"], DRAWS["swag"]["last"] = 0.2, 2
CHANGES = {
    "draws": DRAWS,
    "mask.kind": "random",  # which is drawn at once
    "mask.acceleration": 2.0,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny study with one trained network and all its draws, and the tests inside it."""
    root, n_threads = tmp_path_factory.mktemp("study"), torch.get_num_threads()
    write_toy_study(root)
    write_toy_params(root, **CHANGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run("mask")
        run("train", "unet", 0)
        run("select", "unet", 0)
        run("reference")
        for name in DRAWS:
            run("reconstruct_draws", name)
        yield root
    torch.set_num_threads(n_threads)
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", DRAWS)
def test_members_differ_and_their_sidecars_hold_together(study: Path, name: str) -> None:
    group = EnsembleParams.load().group(name, at_least=2)
    images = read_records(layout.image, group, [SUBJECT])
    reference = {(0, SUBJECT): next(iter(images.values()))}
    assert not [*scan_faults(group, images, reference), *training_faults(images)]
    assert not [*duplicate_faults(group, images)]
    first, second = (load_volume(layout.image(name, m, SUBJECT))[0] for m in (0, 1))
    assert (first != second).any()
    sidecar = read_json(layout.sidecar(layout.image(name, 1, SUBJECT)))
    assert sidecar["DrawnFrom"] == "unet/0" and sidecar["DrawMethod"] == name
    assert (sidecar["DrawSeed"] is None) == group.crossed


def test_the_last_snapshot_is_the_member(study: Path) -> None:
    run("reconstruct", "unet", 0)
    plain = load_volume(layout.image("unet", 0, SUBJECT))[0]
    assert (load_volume(layout.image("snapshots", 0, SUBJECT))[0] == plain).all()


def test_draws_repeat_under_one_bar(study: Path, bars: list[tqdm]) -> None:
    path = layout.image("dropout", 1, SUBJECT)
    before = path.read_bytes()
    run("reconstruct_draws", "dropout")
    assert path.read_bytes() == before
    (bar,) = bars
    n_images = len(list(layout.images("dropout", 0).parent.rglob("*_T1w.nii.gz")))
    assert (bar.n, bar.total, bar.unit) == (n_images, n_images, "image")


def test_kinds_see_what_must_not_be_shared(study: Path) -> None:
    group = EnsembleParams.load().group("masks")
    images = read_records(layout.image, group, [SUBJECT])
    twice = {(0, SUBJECT): images[0, SUBJECT], (1, SUBJECT): images[0, SUBJECT]}
    assert any("mask" in line for line in duplicate_faults(group, twice))
    other = EnsembleParams.load().group("replicas")
    assert any("mask" in line for line in scan_faults(other, images, images))
