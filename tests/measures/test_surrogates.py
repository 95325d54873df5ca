"""Surrogates of whole scans: a toy head with a known variation, gathered voxels, and tiny sizes."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from stages.measures.agreement import Votes, count_votes, pairwise_dice
from stages.measures.boundary import SHELL_VOXELS
from stages.measures.surrogates import (
    COLUMNS,
    SURROGATES,
    boxes,
    gain_table,
    gathered,
    surrogate_table,
    surroundings,
)
from stages.measures.voxelwise import number_table, structure_numbers
from stages.statistics.methods.disjoint_halves import Cohorts
from stages.statistics.methods.variability import coefficient_of_variation
from stages.statistics.questions.surrogates import Targets, predict_target, surrogate_tree

EDGE = 22  # voxels of the cube around one blob
N_BLOBS = 8  # in the corners of a cube
NAMES = {f"blob{b}": (10 + b,) for b in range(N_BLOBS)}
VOXEL = (1.0, 1.0, 1.0)


def toy_scan(generator: np.random.Generator, n_members: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels (n_members, 44, 44, 44): blobs cut at their own middle intensity."""
    shape = (2 * EDGE,) * 3
    clean, strength = np.ones(shape), np.empty(shape)
    axis = np.arange(EDGE) - (EDGE - 1) / 2
    distance = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis)))
    blobs = []
    for corner in np.ndindex(2, 2, 2):
        box = tuple(slice(EDGE * c, EDGE * (c + 1)) for c in corner)
        radius, width = generator.uniform(4.5, 7.5), generator.uniform(0.6, 2.5)
        contrast = np.exp(generator.normal(0, 0.4))
        clean[box] += contrast / (1 + np.exp((distance - radius) / width * 2))
        strength[box] = 0.06 * np.exp(generator.normal(0, 0.25))
        blobs.append((box, distance - radius))
    images, labels = [], []
    for _ in range(n_members):
        noise = gaussian_filter(generator.normal(size=shape), 1.5)
        image = clean + strength * noise / noise.std()
        label = np.zeros(shape, dtype=np.int16)
        for number, (box, beyond) in enumerate(blobs):
            part = image[box]
            sides = (beyond < -1, (beyond > 1) & (beyond < 3))
            threshold = np.mean([part[side].mean() for side in sides])
            label[box][(part > threshold) & (distance < 10)] = 10 + number
        images.append(np.asfortranarray(image.astype(np.float32)))
        labels.append(label)
    return np.stack(images), np.stack(labels)


def votes_of(labels: np.ndarray, margin: int = SHELL_VOXELS) -> Votes:
    table = number_table(NAMES)
    return count_votes([structure_numbers(own, table) for own in labels], margin)


def table_of(images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    return surrogate_table(gathered(votes_of(labels), iter(images), 1.0), list(NAMES), VOXEL)


def test_linearised_volume_predicts_what_the_mean_deviation_does_not():
    generator = np.random.default_rng(5)
    parts, cells = [], []
    for s in range(6):
        images, labels = toy_scan(generator, 10)
        std = images.std(axis=0, ddof=1)
        found = table_of(images, labels).assign(subject=f"s{s}")
        for name, (label,) in NAMES.items():
            cell = {"subject": f"s{s}", "structure": name}
            volumes = (labels == label).sum(axis=(1, 2, 3))
            cells.append({**cell, "cv": float(coefficient_of_variation(volumes))})
            mean = float(std[(labels == label).any(axis=0)].mean())
            parts.append(
                pd.DataFrame([{**cell, "surrogate": "std_mean", "kind": "A", "value": mean}])
            )
        parts.append(found)
    surrogates = pd.concat(parts, ignore_index=True).assign(group="toy")
    cv = pd.DataFrame(cells).assign(group="toy")
    size = cv.assign(mean_mm3=1000.0 + np.arange(len(cv)))
    whole = Cohorts({f"s{s}": f"s{s}" for s in range(6)}, np.arange(6)[None], 0.95)
    tree = surrogate_tree(predict_target(surrogates, Targets(cv, size), whole))["toy"]
    for estimate in ("pooled_r2", "leave_one_subject_out_r2"):
        scores = {name: leaves[estimate] for name, leaves in tree.items()}
        assert scores["linearised_volume"] > scores["std_mean"] + 0.2
        assert scores["linearised_volume"] > 0.6
    both = cv.merge(surrogates[surrogates["surrogate"] == "linearised_volume"])
    # not only in proportion: it is the coefficient of variation in percent
    assert np.median(both["value"] / both["cv"]) == pytest.approx(1, abs=0.25)


def test_gathered_voxels_are_enough():
    images, labels = toy_scan(np.random.default_rng(1), 3)
    votes = votes_of(labels)
    found = gathered(votes, iter(images), 2.0)
    assert len(found.chosen) < 0.8 * labels[0].size
    inside = (labels > 0).any(axis=0)
    assert found.n_inside == inside.sum()
    positions = votes.positions(found.chosen)
    assert set(positions) == set(np.flatnonzero(surroundings(inside).ravel(order="F")))
    expected = np.stack([image.ravel(order="F")[positions] / 2 for image in images])
    assert np.array_equal(found.values, expected)
    assert found.std == pytest.approx(expected.astype(np.float64).std(axis=0, ddof=1))
    # what lies farther off changes nothing
    far = np.where(surroundings(inside), images, 1e3).astype(np.float32)
    assert table_of(far, labels).equals(table_of(images, labels))


def test_the_box_changes_nothing():
    images, labels = toy_scan(np.random.default_rng(1), 3)
    wide = gathered(votes_of(labels, margin=99), iter(images), 1.0)
    found = surrogate_table(wide, list(NAMES), VOXEL)["value"].to_numpy()
    # up to 5,000 terms 1,700 times as large as the change that they add up to, in any order:
    # n u kappa = 9e-10
    assert found == pytest.approx(table_of(images, labels)["value"].to_numpy(), rel=1e-9)


def test_every_structure_has_every_surrogate_and_a_kind():
    images, labels = toy_scan(np.random.default_rng(2), 2)
    found = table_of(images, labels)
    assert list(found) == COLUMNS
    assert len(found) == len(NAMES) * len(SURROGATES)
    assert np.isfinite(found["value"]).all()
    dice = found.set_index(["structure", "surrogate"])["value"]["blob3", "one_minus_dice"]
    assert dice == pytest.approx(1 - pairwise_dice((labels == 13).reshape(2, -1)))


def test_identical_members_do_not_vary():
    images, labels = toy_scan(np.random.default_rng(2), 1)
    found = table_of(np.concatenate([images] * 3), np.concatenate([labels] * 3))
    assert (found["value"].abs() < 1e-5).all()
    assert (found.loc[found["kind"] == "C", "value"] == 0).all()


def test_a_common_scale_changes_nothing():
    images, labels = toy_scan(np.random.default_rng(3), 3)
    before, after = table_of(images, labels), table_of(images * np.float32(8), labels)
    assert after["value"].to_numpy() == pytest.approx(before["value"].to_numpy(), rel=1e-6)


def test_absent_structures_and_flat_images_are_undefined():
    images = np.ones((2, 6, 6, 6), np.float32)
    labels = np.zeros((2, 6, 6, 6), np.int16)
    labels[0, 2:4, 2:4, 2:4] = 10
    labels[1, 5, 5, 5] = 11
    found = table_of(images, labels).set_index(["structure", "surrogate"])["value"]
    assert found["blob2"].isna().all()
    assert found["blob0"][["sigma_over_gradient", "linearised_volume"]].isna().all()
    assert found["blob1"][["sigma_over_gradient", "linearised_volume"]].isna().all()
    assert found["blob0", "one_minus_dice"] == 1
    assert np.isnan(found["blob0", "surface_distance"])


def test_labels_outside_every_structure_have_no_number():
    table = number_table({"a": (2, 41), "b": (17,)})
    found = structure_numbers(np.array([2, 41, 17, 3, 0, -1, 9999]), table)
    assert found.tolist() == [1, 1, 2, 0, 0, 0, 0]


def test_boxes_have_room_for_the_surroundings_and_stay_inside():
    numbers = np.zeros((12, 12, 12), np.uint8)
    numbers[5, 5, 11] = 1
    assert boxes(numbers, 2) == [(slice(2, 9), slice(2, 9), slice(8, 12)), None]


def test_members_without_any_structure_have_no_surrogate():
    images, labels = np.ones((2, 6, 6, 6), np.float32), np.zeros((2, 6, 6, 6), np.int16)
    assert table_of(images, labels)["value"].isna().all()


def test_gain_normalised_deviation_is_a_surrogate_of_images_alone():
    regions = pd.DataFrame({"structure": ["a", "b"], "gain_normalised_mean": [0.1, np.nan]})
    found = gain_table(regions)
    assert list(found) == COLUMNS
    assert set(found["kind"]) == {"A"}
    assert found["value"].equals(regions["gain_normalised_mean"].rename("value"))
