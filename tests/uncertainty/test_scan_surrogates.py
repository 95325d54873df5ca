"""Surrogates of whole scans: a toy head with a known variation, gathered voxels, and tiny sizes."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from stages.uncertainty.agreement import pairwise_dice
from stages.uncertainty.scan_surrogates import (
    COLUMNS,
    KINDS,
    boxes,
    gathered_table,
    number_table,
    structure_numbers,
    surrogate_table,
    surroundings,
)
from stages.uncertainty.surrogates import foretell
from stages.uncertainty.volumes import coefficient_of_variation
from stages.uncertainty.voxelwise import flat, gather

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


def table_of(images: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    stack = images.astype(np.float64)
    return surrogate_table(
        stack.mean(axis=0), stack.std(axis=0, ddof=1), iter(images), iter(labels), NAMES, VOXEL
    )


def test_linearised_volume_foretells_what_the_mean_deviation_does_not():
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
    tree = foretell(surrogates, cv, {})[0]["toy"]
    for estimate in ("pooled_r2", "leave_exam_out_r2"):
        scores = {name: leaves[estimate] for name, leaves in tree.items()}
        assert scores["linearised_volume"] > scores["std_mean"] + 0.2
        assert scores["linearised_volume"] > 0.6
    both = cv.merge(surrogates[surrogates["surrogate"] == "linearised_volume"])
    # not only in proportion: it is the coefficient of variation in percent
    assert np.median(both["value"] / both["cv"]) == pytest.approx(1, abs=0.25)


def test_gathered_voxels_are_enough():
    images, labels = toy_scan(np.random.default_rng(1), 3)
    positions = np.flatnonzero(flat(surroundings((labels > 0).any(axis=0))))
    assert len(positions) < 0.8 * labels[0].size
    values = gather(iter(images), positions, len(images))
    found = gathered_table(values, positions, labels.shape[1:], iter(labels), NAMES, VOXEL)
    expected = table_of(images, labels)
    assert found["value"].to_numpy() == pytest.approx(expected["value"].to_numpy(), rel=1e-4)


def test_every_structure_has_every_surrogate_and_a_kind():
    images, labels = toy_scan(np.random.default_rng(2), 2)
    found = table_of(images, labels)
    assert list(found) == COLUMNS
    assert len(found) == len(NAMES) * len(KINDS)
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


def test_one_image_has_no_deviation():
    images, labels = toy_scan(np.random.default_rng(4), 1)
    zero = np.zeros(images.shape[1:])
    found = surrogate_table(images[0], zero, iter(images), iter(labels), NAMES, VOXEL)
    values = found.set_index(["structure", "surrogate"])["value"]
    assert np.isnan(values["blob0", "linearised_volume"])


def test_labels_outside_every_structure_have_no_number():
    table = number_table({"a": (2, 41), "b": (17,)})
    found = structure_numbers(np.array([2, 41, 17, 3, 0, -1, 9999]), table)
    assert found.tolist() == [1, 1, 2, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="common label"):
        number_table({"a": (2,), "b": (2,)})


def test_boxes_hold_all_members_and_stay_inside():
    numbers = [np.zeros((12, 12, 12), np.uint8) for _ in range(2)]
    numbers[0][5, 5, 5] = numbers[1][6, 5, 11] = 1
    found = boxes(numbers, 2)
    assert found == [(slice(2, 10), slice(2, 9), slice(2, 12)), None]


def test_no_label_map_is_an_error():
    with pytest.raises(ValueError, match="at least one label map"):
        surrogate_table(np.ones((2, 2, 2)), np.ones((2, 2, 2)), (), (), NAMES, VOXEL)
