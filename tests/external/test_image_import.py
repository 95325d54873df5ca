"""Images from elsewhere: where they lie, their grids and units, and what is refused."""

import json
import locale
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from stages import import_images
from stages.external.dicom_series import load_series, to_sitk
from stages.external.image_import import brightness, imported, read_image
from stages.external.image_listing import Item, expression_of, image_sources, items
from stages.external.membership import Key
from stages.external.regridding import placed, resampled, same_grid, turned
from stages.params.ensembles import EnsembleParams
from stages.params.external import ExternalParams
from stages.segmenters.image import Image
from stages.storage.nifti import affine, load_volume
from stages.study import layout
from stages.study.errors import StudyError
from tests.fabricated import ROOT

SHAPE, SIZE_MM = (20, 24, 18), (2.0, 2.0, 2.5)


def head(scale: float = 100.0) -> np.ndarray:
    """Return a smooth head, no two axes alike."""
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    inside = (places**2 / np.array([0.5, 0.6, 0.4])[:, None, None, None]).sum(axis=0) < 1
    return scale * inside * (1.0 + 0.3 * places[0] + 0.2 * places[1] - 0.1 * places[2])


def write(path: Path, data: np.ndarray, codes: str = "RAS", shift: float = 0.0) -> Path:
    """Write an image with axes in some directions."""
    matrix = affine(data.shape, SIZE_MM, codes)
    matrix[:3, 3] += shift
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = nib.MGHImage if path.suffix == ".mgz" else nib.Nifti1Image
    nib.save(kind(data.astype(np.float32), matrix), path)
    return path


def params(**content: str) -> ExternalParams:
    """Return a group of the parameters."""
    return ExternalParams.model_validate(content)


def test_a_table_a_folder_and_a_data_set_list_the_same_images(tmp_path: Path) -> None:
    rows = ["subject,member,image"]
    for subject in ("p01", "p02"):
        for member in ("1", "2"):
            name = f"sub-{subject}_rec-{member}_T1w.nii.gz"
            write(tmp_path / f"sub-{subject}" / "anat" / name, head())
            rows.append(f"{subject},{member},sub-{subject}/anat/{name}")
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    pattern = "sub-{subject}/anat/sub-*_rec-{member}_T1w.nii.gz"
    sources = [
        params(table=str(tmp_path / "mine.csv")),
        params(folder=str(tmp_path), pattern=pattern),
        params(bids=str(tmp_path)),
    ]
    found = [[(i.key.subject, i.key.member) for i in items("mine", s)] for s in sources]
    assert found[0] == found[1] == found[2] == [(p, m) for p in ("p01", "p02") for m in "12"]
    assert len(image_sources("mine", sources[0])) == 5  # with the table itself


@pytest.mark.parametrize("pattern", ["{member}.nii.gz", "{subject}_{subject}.nii.gz"])
def test_a_pattern_says_once_where_the_subject_stands(pattern: str) -> None:
    with pytest.raises(StudyError, match="expected {subject} once"):
        expression_of(pattern)


def test_nothing_found_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="expected images of mine, found none; correct the pat"):
        items("mine", params(folder=str(tmp_path), pattern="{subject}.nii.gz"))
    with pytest.raises(StudyError, match="found none; give files that end in _T1w"):
        items("mine", params(bids=str(tmp_path)))
    (tmp_path / "mine.csv").write_text("subject,image\np,none.nii.gz\n")
    with pytest.raises(StudyError, match="none.nii.gz: expected an image, found none; correct"):
        items("mine", params(table=str(tmp_path / "mine.csv")))
    (tmp_path / "mine.csv").write_text("subject,image,age\np,none.nii.gz,3\n")
    with pytest.raises(StudyError, match="got 'age' too; take it out"):
        items("mine", params(table=str(tmp_path / "mine.csv")))


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SAR", "PIR"])
def test_axes_are_turned_without_touching_an_intensity(codes: str, tmp_path: Path) -> None:
    there = read_image(write(tmp_path / "a.mgz", head()))
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    data = nib.orientations.apply_orientation(there.data, turn)
    matrix = there.affine @ nib.orientations.inv_ornt_aff(turn, SHAPE)
    found = turned(Image(data, matrix, np.ones(3)), there.affine)
    assert same_grid(found, SHAPE, there.affine)
    np.testing.assert_array_equal(found.data, there.data)


def test_one_scale_an_image_brings_it_to_the_unit_of_the_reference(tmp_path: Path) -> None:
    reference = read_image(write(tmp_path / "r.nii.gz", head(1000.0)))
    item = Item(Key("p"), write(tmp_path / "a.nii.gz", head(3.0)))
    robust = imported(item, params(table="x"), reference)
    assert robust.scale == pytest.approx(1000 / 3, rel=1e-6)
    assert brightness(reference) == pytest.approx(brightness(robust.image) * robust.scale)
    assert imported(item, params(table="x", intensities="stored"), reference).scale == 1.0


def test_another_grid_is_refused_unless_resampling_is_said_to_be_wanted(tmp_path: Path) -> None:
    reference = read_image(write(tmp_path / "r.nii.gz", head()))
    item = Item(Key("p"), write(tmp_path / "a.nii.gz", head(), shift=1.0))
    with pytest.raises(StudyError, match="expected the grid of the reference, .* resample:"):
        imported(item, params(table="x"), reference)
    found = imported(item, params(table="x", resample="affine-only"), reference)
    assert found.resampled == "affine-only" and same_grid(found.image, SHAPE, reference.affine)
    far = Item(Key("p"), write(tmp_path / "b.nii.gz", head(), shift=500.0))
    with pytest.raises(StudyError, match="got none on its grid"):
        imported(far, params(table="x", resample="affine-only"), reference)


def test_a_rigid_registration_finds_a_shift(tmp_path: Path) -> None:
    reference = read_image(write(tmp_path / "r.nii.gz", head()))
    moved = read_image(write(tmp_path / "a.nii.gz", head(), shift=3.0))
    by_header, found = (
        resampled(moved, reference, placed(moved, reference, method))
        for method in ("affine-only", "rigid")
    )
    before, after = (np.abs(one.data - reference.data).mean() for one in (by_header, found))
    assert after < 0.5 * before


@pytest.mark.parametrize("method", ["affine-only", "rigid"])
def test_the_reference_goes_to_the_grid_of_an_image_and_back(method: str, tmp_path: Path) -> None:
    reference = read_image(write(tmp_path / "r.nii.gz", head()))
    item = Item(Key("p"), write(tmp_path / "a.nii.gz", head(), shift=1.0))
    found = imported(item, params(table="x", resample=method), reference, control=True).control
    assert found is not None and same_grid(found, SHAPE, reference.affine)
    change = np.abs(found.data - reference.data)
    assert 0 < np.median(change[reference.data > 0]) < 0.1 * reference.data.max()
    same = Item(Key("p"), tmp_path / "r.nii.gz")
    unchanged = imported(same, params(table="x", resample=method), reference, control=True)
    assert unchanged.control is reference


@contextmanager
def same_locale() -> Iterator[None]:
    """Leave the locale as it was: GDCM's writer sets it, and with it how text files are read."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


@same_locale()
def series(folder: Path, data: np.ndarray, skipped: int | None = None) -> Path:
    """Write a DICOM series, a file a slice, without one of them."""
    folder.mkdir()
    matrix = affine(data.shape, SIZE_MM, "LPS")
    image = sitk.Cast(to_sitk(Image(data, matrix, np.array(SIZE_MM))), sitk.sitkInt16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = image.GetDirection()
    rows = "\\".join(str(direction[i]) for i in (0, 3, 6, 1, 4, 7))
    for k in range(image.GetDepth()):
        if k == skipped:
            continue
        part = image[:, :, k]
        place = "\\".join(map(str, image.TransformIndexToPhysicalPoint((0, 0, k))))
        tags = {"0008|0060": "MR", "0020|000e": "1.2.3.4", "0020|000d": "1.2.3", "0020|0037": rows}
        tags |= {"0008|0018": f"1.2.3.4.{k}", "0020|0032": place, "0020|0013": str(k)}
        tags |= {"0018|0050": str(SIZE_MM[2])}
        for tag, value in tags.items():
            part.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k:03d}.dcm"))
        writer.Execute(part)
    return folder


def test_a_dicom_series_is_the_image_that_it_was(tmp_path: Path) -> None:
    data = np.round(head())
    found = load_series(series(tmp_path / "dicom", data))
    np.testing.assert_array_equal(found.data, data)
    np.testing.assert_allclose(found.affine, affine(SHAPE, SIZE_MM, "LPS"), atol=1e-4)


def test_series_that_are_no_image_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="slices at equal distances"):
        load_series(series(tmp_path / "gap", np.round(head()), skipped=9))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="one DICOM series, got 0 series"):
        load_series(tmp_path / "empty")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(SHAPE), "expected a head, got no positive intensity"),
        (np.full(SHAPE, np.nan), "finite"),
        (np.ones((20, 24)), "three dimensions"),
    ],
)
def test_images_that_cannot_be_used_are_one_line(data, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(data.astype(np.float32), np.diag([*SIZE_MM, 1.0])), path)
    with pytest.raises(StudyError, match=message):
        read_image(path)


def study(folder: Path, *, reference: bool, scans: str = "ab") -> None:
    """Write images, tables and parameters of a study of two members, one scan with one of them."""
    groups = {"mine": {"table": "mine.csv", "samples": "nested"}}
    rows = ["subject,member,image"]
    for scan in scans:
        for member in range(2 if scan == "a" else 1):
            write(folder / f"{scan}{member}.nii.gz", head(50.0 + member))
            rows.append(f"{scan},{member},{scan}{member}.nii.gz")
        write(folder / f"{scan}.nii.gz", head())
    (folder / "mine.csv").write_text("\n".join(rows) + "\n")
    if reference:
        groups = {"reference": {"table": "reference.csv"}} | groups
        (folder / "reference.csv").write_text("subject,image\na,a.nii.gz\nb,b.nii.gz\n")
    (folder / "params.yaml").write_text(yaml.safe_dump({"external": groups}, sort_keys=False))


@pytest.mark.parametrize("reference", [True, False])
def test_a_group_is_imported_as_bids(
    reference: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path, reference=reference)
    monkeypatch.chdir(tmp_path)
    for group in EnsembleParams.load().groups:
        import_images.main([group])
    ensembles = EnsembleParams.load()
    group = ensembles.group("mine")
    assert group.members == (0, 1) and group.of("sub-b") == (0,) and not group.crossed
    assert (ensembles.target is not None) == reference
    first, second = (load_volume(layout.image("mine", m, "sub-a"))[0] for m in (0, 1))
    whole, _ = load_volume(layout.image("reference", 0, "sub-a"))
    np.testing.assert_allclose(first, whole, rtol=1e-5)
    np.testing.assert_allclose(second, whole, rtol=1e-5)
    sidecar = json.loads(layout.sidecar(layout.image("mine", 1, "sub-a")).read_text())
    expected = (100 if reference else 50) / 51
    assert sidecar["IntensityScale"] == pytest.approx(expected, rel=1e-5)
    assert sidecar["SourceFile"] == "a1.nii.gz"


def test_a_resampled_group_comes_with_what_interpolation_alone_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study(tmp_path, reference=True)
    write(tmp_path / "a0.nii.gz", head(50.0), shift=1.0)
    text = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("nested", "nested\n    resample: rigid"))
    monkeypatch.chdir(tmp_path)
    for group in ("reference", "mine"):
        import_images.main([group])
    ensembles = EnsembleParams.load()
    control = ensembles.control_of("mine")
    assert control is not None and ensembles.groups == ("reference", "mine", control.name)
    assert ensembles.studied == ("mine",)
    moved, still = (
        [load_volume(layout.image(g, 0, f"sub-{scan}"))[0] for g in (control.name, "reference")]
        for scan in "ab"
    )
    assert not np.array_equal(*moved)
    np.testing.assert_array_equal(*still)


def test_groups_of_other_scans_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study(tmp_path, reference=True, scans="a")
    write(tmp_path / "b.nii.gz", head())
    monkeypatch.chdir(tmp_path)
    import_images.main(["reference"])
    with pytest.raises(SystemExit):
        import_images.main(["mine"])
    assert "mine: expected the same scans in mine and reference, got none of sub-b here" in (
        capsys.readouterr().err
    )
    assert not layout.images("mine", 0).exists() and not layout.members("mine").exists()


FAULTY = {
    "table: a.csv, folder: b, pattern: '{subject}.nii'": "expected one of table, folder, bids",
    "folder: b": "expected 'folder' and 'pattern' together",
    "table: a.csv, samples: both": "'crossed' or 'nested'",
    "table: a.csv, resample: yes": "'external.mine.resample'",
    "tabel: a.csv": "unknown key 'external.mine.tabel'.*did you mean 'table'",
    "": "expected one of table",
}


@pytest.mark.parametrize("text", FAULTY)
def test_faulty_groups_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"external: {{mine: {{{text}}}}}\n")
    with pytest.raises(StudyError, match=FAULTY[text]):
        EnsembleParams.load(path)


def test_a_name_that_the_study_has_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    for name in ("noise", "unet", "reference", "zero_filled"):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content | {"external": {name: {"table": "mine.csv"}}}))
        with pytest.raises(StudyError, match=f"'external.{name}': expected a name that no other"):
            EnsembleParams.load(path)
