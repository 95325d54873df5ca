"""A segmenter whose cortex is divided: what leaves it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.segmenters.image import Image
from stages.segmenters.preprocess import Recipe, prepare
from stages.segmenters.protocol import NO_WEIGHTS
from stages.segmenters.synthseg import model
from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
from stages.segmenters.synthseg.network import Architecture
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import open_segmenter, with_parcellation
from stages.segmenters.volume_table import write_table
from stages.storage.nifti import affine
from stages.storage.tables import read_table
from stages.study.errors import StudyError
from stages.study.parcels import N_PARCELS, PARCEL_LABELS, PARCEL_NAMES
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_NAMES, structure_volumes
from tests.segmenters.conftest import random_network
from tests.segmenters.synthseg.further import fine_model

CPU = torch.device("cpu")
SHAPE = (13, 18, 11)


@pytest.fixture(scope="module")
def image():
    data = np.random.default_rng(8).random(SHAPE)
    return Image(data, affine(SHAPE, (1.0, 1.0, 1.0), "PSR"), np.ones(3))


def opened(folder):
    """Return the plain segmenter and the one that divides the cortex."""
    weights = str(folder / "fine.npz")
    base = open_segmenter(weights, "standard", CPU, fast=False)
    return base, with_parcellation(base, str(folder / "parc.h5"), weights=weights)


def test_parcels_divide_the_cortex_and_change_nothing_else(further_weights, image):
    base, extended = opened(further_weights)
    plain, found = base.segment_image(image), extended.segment_image(image)
    assert np.array_equal(found.labels, plain.labels)
    assert np.array_equal(found.affine, plain.affine)
    cortex = np.isin(plain.labels, (3, 42))
    assert cortex.sum() > 20 and {*found.written[cortex]} <= {*PARCEL_LABELS}
    assert np.array_equal(found.written[~cortex], plain.labels[~cortex])
    assert plain.written is plain.labels
    n = len(SYNTHSEG_NAMES)
    assert np.array_equal(found.volumes_mm3[:n], plain.volumes_mm3)
    volumes = dict(zip(extended.model.names, found.volumes_mm3, strict=True))
    parts = [volumes[name] for name in PARCEL_NAMES]
    whole = sum(volumes[f"{side} cerebral cortex"] for side in ("left", "right"))
    assert min(parts) > 0 and sum(parts) == pytest.approx(whole, rel=1e-12)


def test_the_network_sees_the_cortex_of_the_posteriors_before_they_are_cleaned(
    further_weights, image
):
    base, extended = opened(further_weights)
    seen = {}
    ours = extended.parcellation.parcels

    def parcels(data, mask, cortex, inside):
        seen.update(data=data, mask=mask, cortex=cortex, inside=inside)
        return ours(data, mask, cortex, inside)

    extended.parcellation.parcels = parcels
    extended.segment_image(image)
    prepared = prepare(image, base.model.recipe)
    posteriors = base.posteriors(prepared.image)
    likeliest = np.array(SYNTHSEG_LABELS)[posteriors.numpy().argmax(0)]
    assert np.array_equal(seen["data"], prepared.image)
    assert np.array_equal(seen["mask"][0].numpy(), np.isin(likeliest, (3, 42)))
    part, box = base.clean(posteriors, prepared.inside)
    clean = np.zeros(prepared.shape, bool)
    clean[box] = np.isin(np.array(SYNTHSEG_LABELS)[part.numpy().argmax(0)], (3, 42))
    assert np.array_equal(seen["cortex"], clean) and clean.sum() > 20
    assert seen["inside"] == prepared.inside


def test_the_quick_variant_has_no_parcels(further_weights, image):
    _, extended = opened(further_weights)
    quick = extended.quick()
    assert quick.segment_image(image).parcels is None
    assert quick.model.names == SYNTHSEG_NAMES and quick.whole == extended.whole


def test_tables_hold_parcels_beside_the_cortex_and_count_them_once(
    further_weights, image, tmp_path
):
    _, extended = opened(further_weights)
    found = extended.segment_image(image)
    write_table(tmp_path / "v.csv", extended.model.names, [("x", found.volumes_mm3)])
    table = read_table(tmp_path / "v.csv", ["subject"]).set_index("subject")
    whole = table.loc["x", list(SYNTHSEG_NAMES)].sum()
    assert table.loc["x", "total intracranial"] == pytest.approx(whole, abs=0.1)
    structures = structure_volumes(table).loc["x"]
    both = table.loc["x", ["ctx-lh-insula", "ctx-rh-insula"]].sum()
    assert structures["ctx_insula"] == pytest.approx(both)
    parcels = structures.filter(like="ctx_")
    assert len(parcels) == N_PARCELS == len(PARCEL_NAMES) // 2
    # 68 columns of three decimals
    assert parcels.sum() == pytest.approx(structures["cortex"], abs=70 * 5e-4)


def test_without_a_parcellation_the_segmenter_is_itself(further_weights):
    base, _ = opened(further_weights)
    same = with_parcellation(base, NO_WEIGHTS, weights="")
    assert same is base and isinstance(same, NetworkSegmenter)


def test_segmenters_that_do_not_fit_are_refused(further_weights, tmp_path):
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    network = random_network(Architecture(1, len(MERGED_LABELS), (2, 3)))
    merged = model.Model({"unet": network}, MERGED_LABELS, names, fine_model().recipe)
    coarse = replace(fine_model(), recipe=Recipe(voxel_size_mm=2.0, multiple=16, minimum=0))
    parc = str(further_weights / "parc.h5")
    cases = {
        "merged.npz": (merged, "expected both sides of the cortex at 1 mm"),
        "coarse.npz": (coarse, "got a network of other labels or 2 mm"),
    }
    for name, (own, words) in cases.items():
        model.save(tmp_path / name, own)
        weights = str(tmp_path / name)
        base = open_segmenter(weights, "standard", CPU, fast=False)
        with pytest.raises(StudyError, match=f"{name}: expected") as caught:
            with_parcellation(base, parc, weights=weights)
        assert words in str(caught.value) and "use SynthSeg's own weights" in str(caught.value)
    with pytest.raises(StudyError, match="parc.npz: expected an official .h5 file of SynthSeg"):
        base, _ = opened(further_weights)
        with_parcellation(base, "parc.npz", weights=str(further_weights / "fine.npz"))
