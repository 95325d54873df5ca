"""What does not belong together is named where members come together."""

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import measure
from stages.commands import verify
from stages.provenance.checks import check_group, check_images, check_label_maps
from stages.provenance.leakage import check_use
from stages.provenance.origin import source_record
from stages.provenance.records import digest, training_record
from stages.storage.files import md5, read_json, write_json
from stages.storage.nifti import load_volume, save_volume
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.groups import (
    DRAWN,
    DRAWN_MASKS,
    ENSEMBLE,
    FULLY_SAMPLED,
    NOISE,
    Group,
    GroupKind,
)
from tests.fabricated import Study, change_params, write_study

STUDY = Study(n_members=3, n_draws=3, n_scans=2)
MEMBERS = (0, 1, 2)
UNET, ADDED_NOISE = Group("unet", ENSEMBLE, MEMBERS), Group("noise", NOISE, MEMBERS)
SUBJECT = STUDY.subjects[0]
TRAINING = {"parameters": "p", "data": "d", "masks": "m", "code": "c"}


def record(group: str, member: int, subject: str) -> None:
    """Write the sidecars of an image and its label map as the stages do."""
    image = layout.image(group, member, subject)
    entries = {"ScanSHA256": f"scan of {subject}"}
    if group == "unet":
        model = layout.model(group, member) / "model.pt"
        model.write_bytes(bytes([member]))
        layout.mask(subject).parent.mkdir(parents=True, exist_ok=True)
        layout.mask(subject).write_bytes(b"mask")
        entries |= {"Reconstruction": group, "Member": member}
        entries |= {"WeightsMD5": md5(model), "Training": TRAINING}
        entries |= {"MaskMD5": md5(layout.mask(subject))}
    if group == "noise":
        entries |= {"NoiseSeed": member, "NoiseSigma": 0.1, "NoiseSNR": 30.0}
    data, matrix = load_volume(image)
    save_volume(image, data, matrix, entries)
    weights = {"WeightsMD5": md5("weights.npz"), "Method": "synthseg"}
    weights |= {"Mode": "standard", "Fast": False}
    label_map = layout.segmentation(group, member, subject)
    data, matrix = load_volume(label_map)
    save_volume(label_map, data, matrix, weights | source_record(image))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one architecture, the noise and the reference, with sidecars."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        record_all()
    return folder


@pytest.fixture
def study(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it in the current directory."""
    shutil.copytree(recorded, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def record_all() -> None:
    """Write all sidecars of the study in the current directory."""
    Path("weights.npz").write_bytes(b"weights")
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["segment"]["weights"] = "weights.npz"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for group, members in {"unet": MEMBERS, "noise": MEMBERS, "reference": (0,)}.items():
        for member in members:
            for subject in STUDY.subjects:
                record(group, member, subject)


def entry(place: Callable, group: str, member: int, subject: str = SUBJECT, **changes) -> None:
    """Change entries of a sidecar."""
    path = layout.sidecar(place(group, member, subject))
    write_json(path, read_json(path) | changes)


def every(place: Callable, group: str, member: int, **changes) -> None:
    """Change entries of all sidecars of a member."""
    for subject in STUDY.subjects:
        entry(place, group, member, subject, **changes)


def rewritten(path: Path, change: Callable) -> None:
    """Change the voxels of a volume and leave its sidecar."""
    save_volume(path, *change(*load_volume(path)))


IMAGE, LABELS = layout.image, layout.segmentation
UNET_0, UNET_1, UNET_2 = (IMAGE("unet", member, SUBJECT) for member in MEMBERS)
MAP_0, MAP_1 = (LABELS("unet", member, SUBJECT) for member in MEMBERS[:2])
MAP_REFERENCE_0 = LABELS("reference", 0, SUBJECT)
FAULTS = {
    "another acceleration": (
        lambda: every(IMAGE, "unet", 2, MaskMD5="R10"),
        f"{UNET_2}: expected the mask of work/images/unet/0",
    ),
    "other scan": (
        lambda: entry(IMAGE, "unet", 1, ScanSHA256="other"),
        f"{UNET_1}: expected the scan of work/images/reference/0",
    ),
    "reference of another scan": (
        lambda: entry(IMAGE, "reference", 0, ScanSHA256="other"),
        f"{UNET_0}: expected the scan of work/images/reference/0",
    ),
    "trained on other data": (
        lambda: every(IMAGE, "unet", 1, Training=TRAINING | {"data": "other"}),
        f"{UNET_1}: expected a member trained with the data of"
        " work/images/unet/0, got other data; train its member again with `dvc repro`",
    ),
    "trained with other masks": (
        lambda: every(IMAGE, "unet", 1, Training=TRAINING | {"masks": "other"}),
        "expected a member trained with the masks of work/images/unet/0",
    ),
    "trained by other code": (
        lambda: every(IMAGE, "unet", 1, Training=TRAINING | {"code": "other"}),
        "expected a member trained with the code of work/images/unet/0",
    ),
    "trained otherwise": (
        lambda: every(IMAGE, "unet", 1, Training=TRAINING | {"parameters": "other"}),
        "expected a member trained with the parameters of work/images/unet/0",
    ),
    "identical weights": (
        lambda: every(IMAGE, "unet", 2, WeightsMD5=md5(layout.model("unet", 0) / "model.pt")),
        f"{UNET_2}: expected a member of its own, got the weights of {UNET_0}",
    ),
    "identical images": (
        lambda: entry(IMAGE, "unet", 2, MD5=md5(IMAGE("unet", 1, SUBJECT))),
        f"{UNET_2}: expected a member of its own, got the voxels of {UNET_1}",
    ),
    "folder of another member": (
        lambda: every(IMAGE, "unet", 2, Member=1),
        f"{UNET_2}: expected an image of member 2, got one of member 1",
    ),
    "another network": (
        lambda: every(IMAGE, "unet", 2, Reconstruction="rim"),
        f"{UNET_2}: expected an image of unet, got one of rim",
    ),
    "other segmenter": (
        lambda: every(LABELS, "unet", 1, WeightsMD5="robust"),
        f"{MAP_1}: expected the weights of work/segmentations/reference/0",
    ),
    "other mode": (
        lambda: every(LABELS, "unet", 0, Mode="robust"),
        f"{MAP_0}: expected the mode of the segmenter of",
    ),
    "other method": (
        lambda: every(LABELS, "unet", 1, Method="atlas"),
        f"{MAP_1}: expected the method of the segmenter of work/segmentations/reference/0",
    ),
    "other speed": (
        lambda: every(LABELS, "reference", 0, Fast=True),
        f"{MAP_0}: expected the `fast` of the segmenter of",
    ),
    "label map of another image": (
        lambda: entry(LABELS, "unet", 1, SourceMD5="other"),
        f"{MAP_1}: expected the label map of {UNET_1}",
    ),
    "reference's label map of another image": (
        lambda: entry(LABELS, "reference", 0, SourceMD5="other"),
        f"{MAP_REFERENCE_0}: expected the label map of",
    ),
    "replaced image": (
        lambda: rewritten(IMAGE("unet", 1, SUBJECT), lambda d, m: (d * np.float32(1.1), m)),
        f"{UNET_1}: expected the file of",
    ),
    "replaced label map": (
        lambda: rewritten(LABELS("unet", 1, SUBJECT), lambda d, m: (d[::-1].copy(), m)),
        f"{MAP_1}: expected the file of",
    ),
}
UNRECORDED = {  # told by the volumes themselves, whatever their sidecars say
    "mirrored": (
        IMAGE,
        lambda d, m: (d, m @ np.diag([1, 1, -1, 1])),
        "expected the affine of the reference image, SAR",
    ),
    "moved": (
        LABELS,
        lambda d, m: (d, m + 5 * np.eye(4, k=3)),
        "expected the affine of the reference image, SAR",
    ),
    "percent": (
        IMAGE,
        lambda d, m: (d * np.float32(100), m),
        "expected intensities in the unit of the reference image, got a mean of",
    ),
    "blank": (
        IMAGE,
        lambda d, m: (d * np.float32(0), m),
        "expected intensities in the unit of the reference image, got a mean of 0 times its",
    ),
    "interpolated": (
        LABELS,
        lambda d, m: (d + np.float32(0.25), m),
        "expected labels (whole numbers from 0 on), got other values",
    ),
}


def fails(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    """Measure a group that must fail and return the one error line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        measure.main(list(arguments))
    assert stopped.value.code == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert not layout.measures("unet").exists()
    return line


def test_what_belongs_together_is_measured(study: Path, capsys: pytest.CaptureFixture) -> None:
    for group in ("unet", "noise", "reference"):
        measure.main([group])
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("fault", FAULTS)
def test_recorded_faults(fault: str, study: Path, capsys: pytest.CaptureFixture) -> None:
    make, expected = FAULTS[fault]
    make()
    assert expected in fails(capsys, "unet")


@pytest.mark.parametrize("fault", UNRECORDED)
def test_faults_of_the_volumes(fault: str, study: Path, capsys: pytest.CaptureFixture) -> None:
    place, change, expected = UNRECORDED[fault]
    path = place("unet", 1, SUBJECT)
    rewritten(path, change)
    layout.sidecar(path).unlink()
    assert expected in fails(capsys, "unet")


def test_other_noise_and_a_seed_twice(study: Path) -> None:
    entry(IMAGE, "noise", 1, NoiseSNR=20.0)
    with pytest.raises(StudyError, match="expected the noise of work/images/noise/0"):
        check_images(ADDED_NOISE, STUDY.subjects)
    entry(IMAGE, "noise", 1, NoiseSNR=30.0, NoiseSeed=0)
    with pytest.raises(StudyError, match="expected an image of member 1, got one of member 0"):
        check_images(ADDED_NOISE, STUDY.subjects)


def test_volumes_without_sidecars_are_told_and_go_on(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    layout.sidecar(IMAGE("unet", 0, SUBJECT)).unlink()
    check_group(UNET, STUDY.subjects)
    line = "warning: work/images/unet: 1 of 6 volumes do not record what they were made from"
    assert capsys.readouterr().err.startswith(line)
    check_label_maps(FULLY_SAMPLED, STUDY.subjects)
    assert not capsys.readouterr().err


def test_a_replaced_image_is_not_segmented(study: Path) -> None:
    path = IMAGE("unet", 1, SUBJECT)
    rewritten(path, lambda d, m: (d[::-1].copy(), m))
    with pytest.raises(StudyError, match="expected the image that its sidecar describes"):
        source_record(path)


def test_a_member_meets_its_training_scan_or_another_acceleration() -> None:
    member, trained = Path("m"), {"scans": {"sub-1": "1"}, "accelerations": {"sub-1": 5.0}}
    check_use(member, trained, {Path("b.h5"): "2"}, {Path("b.npz"): 5.2})
    check_use(member, {}, {Path("b.h5"): "1"}, {Path("b.npz"): 10.0})  # adopted: unknown
    with pytest.raises(StudyError, match=r"b\.h5: expected .* got its training scan sub-1"):
        check_use(member, trained, {Path("b.h5"): "1"}, {})
    with pytest.raises(StudyError, match=r"b\.npz: expected an acceleration of 5.*got 10"):
        check_use(member, trained, {Path("b.h5"): "2"}, {Path("b.npz"): 10.0})


CONFIGURATION = {
    "architecture": "unet",
    "seed": 0,
    "train": {"steps": 1, "pretrained": {}},
    "data": {"n_coils": 12},
    "scans": {"sub-1": "1"},
    "masks": {"sub-1": "2"},
    "code": "3",
    "versions": {"torch": "2"},
}


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"seed": 1, "train": {"steps": 1, "pretrained": {"3": "zoo"}}}, set()),
        ({"train": {"steps": 2, "pretrained": {}}}, {"parameters"}),
        ({"data": {"n_coils": 8}}, {"data"}),
        ({"scans": {"sub-1": "other"}}, {"data"}),
        ({"masks": {"sub-1": "other"}}, {"masks"}),
        ({"code": "other"}, {"code"}),
        ({"versions": {"torch": "3"}}, {"code"}),
    ],
)
def test_members_of_an_ensemble_share_all_but_the_seed(changes: dict, differing: set) -> None:
    one, other = training_record(CONFIGURATION), training_record(CONFIGURATION | changes)
    assert {name for name in one if one[name] != other[name]} == differing
    adopted = training_record(CONFIGURATION | {"adopted": {}})
    assert adopted == {"parameters": one["parameters"]}


def test_a_digest_is_that_of_the_content() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


VERIFIED = {
    "image": (IMAGE("unet", 1, SUBJECT), 2),  # its own sidecar and that of its label map
    "label map": (LABELS("unet", 1, SUBJECT), 1),
    "mask": (layout.mask(SUBJECT), 3),
    "member": (layout.model("unet", 1) / "model.pt", 2),
    "segmenter": (Path("weights.npz"), 6),
}


@pytest.mark.parametrize("name", VERIFIED)
def test_verify_reads_the_files(name: str, study: Path, capsys: pytest.CaptureFixture) -> None:
    verify.main(["unet"])
    assert capsys.readouterr().out == "36 hashes hold\n"
    path, n_sidecars = VERIFIED[name]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # of the same size
    path.write_bytes(content)
    with pytest.raises(SystemExit) as stopped:
        verify.main(["unet"])
    assert stopped.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "fault: " in line]
    assert len(lines) == n_sidecars
    assert all(f"fault: {path}: expected MD5 " in line for line in lines)


def test_verify_reads_the_label_maps_of_shifted_copies(
    study: Path, capsys: pytest.CaptureFixture
) -> None:
    change_params(study, "segment", "perturbations", {"draws": 3, "shift_voxels": 0.5})
    change_params(study, "segment", "networks", "networks")
    Path("networks").mkdir()
    for name in ("a.npz", "b.npz"):
        Path("networks", name).write_bytes(name.encode())
    for member, subject, number in product(MEMBERS, STUDY.subjects, range(3)):
        data, matrix = load_volume(layout.segmentation("unet", member, subject))
        image = source_record(layout.image("unet", member, subject))
        weights = {"WeightsMD5": md5(Path("networks", "ab"[number % 2] + ".npz"))}
        path = layout.drawn_segmentation("unet", member, number, subject)
        save_volume(path, data, matrix, weights | image)
    verify.main(["unet"])
    assert capsys.readouterr().out == f"{36 + 3 * 2 * 3 * 3} hashes hold\n"
    Path("networks", "b.npz").write_bytes(b"c")
    layout.drawn_segmentation("unet", 2, 0, SUBJECT).unlink()
    with pytest.raises(SystemExit):
        verify.main(["unet"])
    lines = capsys.readouterr().err.splitlines()
    assert sum("networks/b.npz: expected MD5" in line for line in lines) == 3 * 2  # of draw 1
    assert sum("desc-draw0_dseg.nii.gz: expected the file" in line for line in lines) == 1


def test_verify_names_what_is_missing(study: Path, capsys: pytest.CaptureFixture) -> None:
    layout.mask(SUBJECT).unlink()
    with pytest.raises(SystemExit):
        verify.main(["unet"])
    assert f"{layout.mask(SUBJECT)}: expected the file that" in capsys.readouterr().err


def test_count(capsys: pytest.CaptureFixture) -> None:
    with capsys.disabled():
        print(f"\nsilent errors: {len(FAULTS) + len(UNRECORDED) + 6} made loud")
    assert pd.Index([*FAULTS, *UNRECORDED]).is_unique


@pytest.mark.parametrize(
    ("kind", "shared"), [(ENSEMBLE, True), (DRAWN, True), (DRAWN_MASKS, False), (NOISE, False)]
)
def test_only_images_of_the_mask_of_their_scan_are_held_against_it(
    study: Path, kind: GroupKind, shared: bool
) -> None:
    group = Group("unet", kind, MEMBERS)
    found = verify.links(group, [SUBJECT], Path("weights.npz"))
    assert (layout.mask(SUBJECT) in {link.file for link in found}) == shared
