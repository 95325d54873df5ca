"""What the study measures comes back from elsewhere with the same numbers, under other names."""

import csv
import json
import math
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from stages import (
    analyse,
    deformation,
    image_quality,
    import_images,
    measure,
    measure_from_volumes,
    overlap,
    pathology,
    report,
    segment,
)
from stages.figures import catalogue, cohort, masks
from stages.figures.catalogue import FIGURES
from stages.study import layout
from tests.fabricated import (
    ROOT,
    Study,
    change_params,
    measure_study,
    plain_quality,
    write_study,
)

STUDY = Study(n_members=4, n_draws=2, n_scans=4, truth=False)
FEW: dict[str, Any] = {"bootstrap_draws": 20, "permutations": 19, "subsets": 10}  # not compared
# of each size, with sides and without; all of them take longer and say the same
FEW["structures"] = [
    "cortex",
    "lateral_ventricle",
    "brainstem",
    "thalamus",
    "hippocampus",
    "caudate",
]
OWN, OTHER = "unet", "borrowed"
# intervals and tests are of draws, and of the groups that are asked together
DRAWN = {
    "low",
    "high",
    "p",
    "p_bh",
    "adjusted",
    "family",
    "half_width",
    "wrong_subject",
    "controls",
}
DRAWN |= {"smallest_p", "critical", "cv_difference", "absolute_bias_difference", "intervals"}
# regressions and counts that know how noise alone changes the volumes of the original
DRAWN |= {"slope", "intercept", "n_biased", "biased", "equivalent", "undefined"}
OF_VOLUMES = ("volumes", "agreement", "calibration", "components", "ensemble_size", "power")
NOT_OF_A_GROUP = {"skipped", "noise", "training", "paper", "task_error", "image_scores"}
NOT_OF_A_GROUP |= {"kinds"}  # counts trainings, which images from elsewhere have none of


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fabricated study, measured and analysed."""
    folder = tmp_path_factory.mktemp("original")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(image_quality, "quality", plain_quality)
        write_study(folder, STUDY)
        for key, value in FEW.items():
            change_params(folder, "analyse", key, value)
        measure_study(STUDY)
        analyse.main()
        yield folder


def section(name: str) -> dict[str, Any]:
    """Return a section of the default parameters."""
    return yaml.safe_load((ROOT / "params.yaml").read_text())[name]


def write_params(folder: Path, external: dict[str, Any]) -> None:
    """Write the parameters of an audit."""
    content = {"external": external} | {
        name: section(name) for name in ("compute", "segment", "measure", "deformation", "analyse")
    }
    content["segment"]["method"] = "files"
    content["analyse"] |= FEW
    content["deformation"]["iterations"] = [1, 1]
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def exported(original: Path, folder: Path, group: str, n_members: int) -> Path:
    """Copy images and label maps under other names, and list them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for member in range(n_members):
        for scan in STUDY.subjects:
            name = f"{group}_{scan}_{member}"
            for place, end in ((layout.image, ""), (layout.segmentation, "_seg")):
                shutil.copy(original / place(group, member, scan), folder / f"{name}{end}.nii.gz")
            row = [scan.removeprefix("sub-"), f"m{member}", f"{name}.nii.gz", f"{name}_seg.nii.gz"]
            rows.append(row)
    path = folder / f"{group}.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["subject", "member", "image", "labels"])
        writer.writerows(rows)
    return path


def run_audit(groups: Iterable[str]) -> None:
    """Run the stages of a study of images, its reference among the groups."""
    for group in groups:
        import_images.main([group])
        segment.main([group])
    for group in groups:
        measure.main([group])
        overlap.main([group])
    deformation.main([OTHER])
    image_quality.main([OTHER])
    analyse.main()


def leaves(tree: dict[str, Any], keys: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    """Yield dotted name and value of every point estimate of a tree."""
    for key, value in tree.items():
        if key in DRAWN:
            continue
        if isinstance(value, dict):
            yield from leaves(value, (*keys, key))
        elif isinstance(value, int | float):
            yield ".".join((*keys, key)), float(value)


def metrics(folder: Path, name: str, group: str) -> dict[str, float]:
    """Return the point estimates of a group in a metrics file."""
    content = json.loads((folder / layout.metric("analyse", name)).read_text())
    below = content.get("reference", {})  # of questions that are put to several targets
    return dict(leaves(content.get(group) or below.get(group, {})))


def assert_same(original: Path, folder: Path, names: set[str]) -> None:
    """Compare the point estimates of both groups in some metrics files."""
    for name in sorted(names):
        expected, found = metrics(original, name, OWN), metrics(folder, name, OTHER)
        assert expected, name
        assert set(found) == set(expected), name
        for key, value in expected.items():
            assert math.isclose(found[key], value, rel_tol=1e-5, abs_tol=1e-9), (name, key)


def test_images_and_label_maps_come_back_with_equal_numbers(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {
        "reference": exported(original, tmp_path / "data", "reference", 1),
        OTHER: exported(original, tmp_path / "data", OWN, STUDY.n_members),
    }
    audit = tmp_path / "audit"
    audit.mkdir()
    monkeypatch.chdir(audit)
    monkeypatch.setattr(image_quality, "quality", plain_quality)
    groups = {g: {"table": str(p), "intensities": "stored"} for g, p in tables.items()}
    write_params(audit, groups)
    run_audit(tables)
    names = {p.stem for p in (original / layout.METRICS / "analyse").iterdir()} - NOT_OF_A_GROUP
    of_the_original = {name for name in names if metrics(original, name, OWN)}
    assert {"volumes", "prediction", "slopes", "overlap", "deformation"} <= of_the_original
    assert_same(original, audit, of_the_original)


def test_volumes_come_back_with_equal_numbers(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        pd.read_csv(original / layout.volumes(OWN, member)).assign(member=member)
        for member in range(STUDY.n_members)
    ]
    pd.concat(parts).to_csv(tmp_path / "mine.csv", index=False)
    shutil.copy(original / layout.volumes("reference", 0), tmp_path / "reference.csv")
    monkeypatch.chdir(tmp_path)
    sources = {"reference": "reference.csv", OTHER: "mine.csv"}
    write_params(tmp_path, {group: {"volumes": name} for group, name in sources.items()})
    for group in sources:
        measure_from_volumes.main([group])
    analyse.main()
    assert_same(original, tmp_path, set(OF_VOLUMES))
    skipped = json.loads((layout.METRICS / "analyse" / "skipped.json").read_text())
    assert "voxelwise standard deviation" in skipped["prediction"]


def test_two_paired_images_a_scan_give_bias_agreement_overlap_and_deformation(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {
        "reference": exported(original, tmp_path / "data", "reference", 1),
        OTHER: exported(original, tmp_path / "data", OWN, 1),
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_quality, "quality", plain_quality)
    write_params(tmp_path, {group: {"table": str(path)} for group, path in tables.items()})
    run_audit(tables)
    for name in ("volumes", "agreement", "overlap", "deformation", "image_quality"):
        found = json.loads((layout.METRICS / "analyse" / f"{name}.json").read_text())
        assert found[OTHER], name
    skipped = json.loads((layout.METRICS / "analyse" / "skipped.json").read_text())
    assert "no group has several members" in skipped["prediction"]
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["report"] = {"architecture": OTHER, "n_members": 4, "n_scans": 1}
    Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    report.main()
    assert "Borrowed" in Path("plots/report/report.html").read_text()


def test_a_group_beside_the_networks_has_the_numbers_of_the_same_images(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(original, tmp_path / "beside"))
    monkeypatch.setattr(image_quality, "quality", plain_quality)
    others = [entry for entry in FIGURES if entry not in (cohort.FIGURE, masks.FIGURE)]
    monkeypatch.setattr(catalogue, "FIGURES", tuple(others))  # there is no k-space
    table = exported(original, Path("elsewhere"), OWN, STUDY.n_members)
    change_params(Path(), "external", OTHER, {"table": str(table), "intensities": "stored"})
    change_params(Path(), "segment", "method", "files")
    for script in (import_images, segment, measure, overlap, deformation, image_quality):
        script.main([OTHER])
    analyse.main()
    pathology.main()
    report.main()
    names = {p.stem for p in (layout.METRICS / "analyse").iterdir()} - NOT_OF_A_GROUP
    of_the_original = {name for name in names if metrics(original, name, OWN)}
    assert_same(Path(), Path(), of_the_original)
    written = Path("plots/report/report.html").read_text()
    assert "Borrowed" in written and "made elsewhere" in written
    assert "fully sampled" in written
