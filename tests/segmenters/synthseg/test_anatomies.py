"""Heads as training material, of fabricated label maps and of the digital head."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from stages.params.segmenter import AnatomyParams
from stages.segmenters.synthseg import anatomies
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.segmenters.synthseg.materials import DURA, FAT, index_of, materials
from stages.study.errors import StudyError
from tests.anatomy.maps import millimetres, ventricular_head, write_lia
from tests.segmenters.synthseg.test_materials import pathology
from tests.segmenters.synthseg.test_optimisation import ANATOMIES, DISEASES

pytestmark = pytest.mark.usefixtures("kept_heads")


def params(folder: Path | None = None, **changes: object) -> AnatomyParams:
    maps = None if folder is None else str(folder)
    return AnatomyParams.model_validate(ANATOMIES | {"label_maps": maps} | changes)


def head() -> np.ndarray:
    """Labels as SynthSeg's maps have them: skin, soft tissue and skull around fluid and brain."""
    labels = np.kron(ventricular_head(), np.ones((8, 8, 8), np.int32))
    depth = ndimage.distance_transform_edt(labels)
    labels[(labels == 511) & (depth > 4)] = 507
    labels[(labels == 507) & (depth > 12)] = 515
    return labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps")
    for name in "abc":
        write_lia(path / f"{name}.nii.gz", ventricular_head())
    return path


def test_maps_left_out_are_not_drawn_from(folder: Path) -> None:
    found = anatomies.map_files(params(folder, left_out=("b.nii.gz",)))
    assert [path.name for path in found] == ["a.nii.gz", "c.nii.gz"]
    assert anatomies.map_files(params()) == []
    with pytest.raises(StudyError, match=r"expected a map d\.nii\.gz to leave out, found none"):
        anatomies.map_files(params(folder, left_out=("d.nii.gz",)))


def test_a_missing_folder_says_what_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"nowhere: .*training_label_maps of https.*Apache-2\.0"):
        anatomies.map_files(params(tmp_path / "nowhere"))


def test_axes_sides_and_distances_of_a_map(folder: Path) -> None:
    found = anatomies.real_anatomy(folder / "a.nii.gz", None, 0, params(folder), 0)
    channels = np.array(SIDED_LABELS)[materials(pathology()).channels[found.tissues]]
    right, left = (np.argwhere(channels == label).mean(0) for label in (41, 2))
    assert right[0] - left[0] > 20 and abs(right[1:] - left[1:]).max() < 3
    stem, thalamus = (np.argwhere(channels == label).mean(0) for label in (16, 10))
    assert thalamus[2] - stem[2] > 30
    assert (channels == 10).sum() == (ventricular_head() == 10).sum() * 8**3
    borders = [found.tissues[0], found.tissues[-1], found.tissues[:, 0], found.tissues[..., -1]]
    assert not any(border.any() for border in borders) and found.tissues[..., 0].any()
    brain = (channels > 0) & (channels != 24)
    assert found.distance[brain].max() <= 2
    assert found.distance[1, 1, 1] > 20
    spans = [np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {a}))) for a in range(3)]
    assert found.size == tuple(s[-1] - s[0] + 1 for s in spans)
    for middle, span in zip(found.centre, spans, strict=True):
        assert abs(middle - (span[0] + span[-1]) / 2) <= 1


def test_heads_differ_in_the_size_of_their_disease(folder: Path) -> None:
    plan = params(folder, diseases=DISEASES | {"log_sd": 0.5})
    sizes = set()
    for name, variant in (("a", 0), ("b", 0), ("a", 1)):
        found = anatomies.real_anatomy(folder / f"{name}.nii.gz", "lesions", variant, plan, 0)
        sizes.add(int(np.isin(found.tissues, [index_of()[78], index_of()[79]]).sum()))
    assert len(sizes) == 3 and min(sizes) > 0


def test_soft_tissue_is_divided_into_fat_and_muscle_and_membranes_line_the_skull() -> None:
    labels = head()
    found = anatomies.divided(labels, 0)
    soft = labels == 507
    assert set(np.unique(found[soft])) == {507, FAT}
    assert (found[labels != 507] == FAT).sum() == 0
    membranes = found == DURA
    assert membranes.any() and (labels[membranes] == 24).all()
    rest = (labels != 507) & ~membranes
    assert np.array_equal(found[rest], labels[rest])
    assert np.array_equal(found, anatomies.divided(labels, 0))


def test_unknown_labels_are_named(tmp_path: Path) -> None:
    labels = ventricular_head()
    labels[5, 5, 5] = 888
    write_lia(tmp_path / "a.nii.gz", labels)
    with pytest.raises(StudyError, match=r"a\.nii\.gz: .*unknown ones \(888\)"):
        anatomies.real_labels(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("kind", ["atrophy", "lesions", "infarct", "tumour"])
def test_diseases_of_drawn_sizes(kind: str) -> None:
    plan = params(diseases=DISEASES | {"log_sd": 0.5}).diseases
    labels = millimetres()
    ill = [anatomies.with_disease(labels, kind, plan, seed) for seed in (0, 0, 1)]
    assert np.array_equal(ill[0], ill[1]) and not np.array_equal(ill[0], labels)
    assert not np.array_equal(ill[0], ill[2])
    assert set(np.unique(ill[0])) <= set(index_of()) | {0}


def test_a_disease_that_does_not_fit_leaves_the_head_healthy() -> None:
    lesions = DISEASES["lesions"] | {"load_ml": 1e6}
    plan = params(diseases=DISEASES | {"lesions": lesions}).diseases
    huge = plan.model_copy(update={"lesions": plan.lesions.model_copy(update={"number": 10**5})})
    labels = millimetres()
    assert np.array_equal(anatomies.with_disease(labels, "lesions", huge, 0), labels)


def test_draws_are_of_real_and_digital_heads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        anatomies, "real_anatomy", lambda path, kind, variant, *_: (path.name, kind, variant)
    )
    monkeypatch.setattr(anatomies, "digital_anatomy", lambda number, *_: number)

    def drawn(settings: AnatomyParams) -> list[object]:
        rng = np.random.default_rng(0)
        return [anatomies.draw_anatomy(settings, 0, rng) for _ in range(300)]

    both = drawn(params(folder, real=0.5, diseases=DISEASES | {"real": 0.4}))
    digital = [each for each in both if isinstance(each, int)]
    real = [each for each in both if not isinstance(each, int)]
    assert 120 < len(real) < 180 and set(digital) == set(range(6))
    assert {name for name, *_ in real} == {"a.nii.gz", "b.nii.gz", "c.nii.gz"}
    assert {variant for *_, variant in real} == {0, 1}
    assert {kind for _, kind, _ in real} == {None, "atrophy", "lesions", "infarct", "tumour"}
    assert 0.25 < np.mean([kind is not None for _, kind, _ in real]) < 0.55
    assert all(isinstance(each, int) for each in drawn(params(real=1.0)))


def test_the_last_digital_heads_are_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(anatomies, "digital_labels", lambda *_: millimetres())

    def fall_ill(labels: np.ndarray, kind: str, *_: object) -> np.ndarray:
        seen.append(kind)
        return labels

    monkeypatch.setattr(anatomies, "with_disease", fall_ill)
    plan = params(n_heads=8, n_ill=6)
    for number in range(8):
        anatomies.digital_anatomy(number, plan, 0)
    assert seen == ["atrophy", "lesions", "infarct", "tumour", "atrophy", "lesions"]
