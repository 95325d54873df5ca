"""Label lists against the published ones."""

from stages.segmenters.synthseg.labels import (
    MERGED_LABELS,
    SYNTHSEG_TOPOLOGY,
    lookup,
    merged_label,
    merged_name,
    mirrored_channels,
)
from stages.study.structures import SYNTHSEG_LABELS, SYNTHSEG_TABLE

PUBLISHED = [
    0, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 11, 12, 13, 29, 30, 16, 31, 32,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 17, 18,
]  # fmt: skip


def test_mirrored_channels_are_the_published_ones():
    assert list(mirrored_channels(SYNTHSEG_LABELS)) == PUBLISHED
    assert mirrored_channels(MERGED_LABELS) == tuple(range(len(MERGED_LABELS)))


def test_topology_has_one_class_a_channel_and_never_cleans_csf():
    assert len(SYNTHSEG_TOPOLOGY) == len(SYNTHSEG_LABELS)
    free = [SYNTHSEG_LABELS[k] for k, c in enumerate(SYNTHSEG_TOPOLOGY) if c == 0]
    assert free == [0, 24]


def test_merged_labels():
    expected = (0, 2, 3, 4, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28)
    assert expected == MERGED_LABELS
    assert {merged_label(label) for label in SYNTHSEG_TABLE} == set(MERGED_LABELS[1:])
    assert merged_label(44) == merged_label(5) == 4
    assert merged_name(2) == "cerebral white matter"
    assert merged_name(24) == "csf"


def test_lookup_drops_labels_that_do_not_occur():
    assert lookup({1: 5, 3: 7, 9: 1}, 3).tolist() == [0, 5, 0, 7]
