"""What training images are made of: channels, sides and signals of the tissues."""

import numpy as np
import pytest

from stages.anatomy.diseases.catalogue import COUNTED_AS
from stages.anatomy.tissue import LEFT_TO_RIGHT, relative_signals
from stages.params.phantom import PathologyParams
from stages.segmenters.synthseg import materials as module
from stages.segmenters.synthseg.labels import SIDED_LABELS, mirrored_channels
from stages.segmenters.synthseg.materials import DURA, FAT, Materials, index_of, materials
from tests.settings import settings


@pytest.fixture(scope="module")
def made() -> Materials:
    return materials(pathology())


def pathology() -> PathologyParams:
    plan = settings("default")["phantom"]["pathology"]
    return PathologyParams.model_validate(plan | {"kinds": tuple(plan["kinds"])})


def channel(made: Materials, label: int) -> int:
    return SIDED_LABELS[made.channels[index_of()[label]]]


def test_every_structure_has_a_channel_of_its_own_side(made: Materials) -> None:
    assert made.n_channels == len(SIDED_LABELS) == 31
    for label in SIDED_LABELS[1:]:
        assert channel(made, label) == label
    assert channel(made, 5) == 4 and channel(made, 44) == 43


@pytest.mark.parametrize(
    ("label", "counted"),
    [
        (136, 4), (163, 43), (137, 4), (77, 2), (25, 2), (57, 41), (1003, 3), (2003, 42),
        (251, 2), (72, 14), (DURA, 24), (FAT, 0), (85, 0), (502, 0), (506, 0), (511, 0), (515, 0),
        (530, 0), (600, 24), (602, 41), (603, 3), (610, 0), (613, 41), (79, 41),
    ],
)  # fmt: skip
def test_what_labels_count_as(made: Materials, label: int, counted: int) -> None:
    assert channel(made, label) == counted


def test_lesions_count_as_the_diseases_say(made: Materials) -> None:
    for label, other in COUNTED_AS.items():
        assert channel(made, label) == other


def test_the_other_side_has_the_same_signal_and_the_opposite_channel(made: Materials) -> None:
    opposite = np.array(mirrored_channels(SIDED_LABELS))
    assert np.array_equal(made.mirrored[made.mirrored], np.arange(len(made.signals)))
    assert np.array_equal(made.channels[made.mirrored], opposite[made.channels])
    for name in ("signals", "spreads", "groups", "outside"):
        values = getattr(made, name)
        assert np.array_equal(values[made.mirrored], values), name
    assert channel(made, 2) != channel(made, LEFT_TO_RIGHT[2])


def test_signals_are_those_of_the_tissues(made: Materials) -> None:
    for label, signal in relative_signals().items():
        if label not in module.SURROUNDINGS:
            assert made.signals[index_of()[label]] == pytest.approx(signal)
    assert made.signals[0] == 0 and made.signals[index_of()[2]] == 1
    assert made.signals[index_of()[600]] == made.signals[index_of()[24]]
    lesion = made.signals[index_of()[78]]
    assert made.signals[index_of()[3]] < lesion < 1


def test_surroundings_are_outside_and_what_counts_as_brain_is_not(made: Materials) -> None:
    inside = made.channels > 0
    assert not (made.outside & inside).any()
    for label in (FAT, 502, 506, 507, 509, 511, 512, 514, 515, 516):
        assert made.outside[index_of()[label]], label
    assert not made.outside[index_of()[610]]  # a tumour is none of the structures, but in the brain
