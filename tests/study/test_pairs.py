"""Names of pathological phantoms and of their matched healthy phantoms."""

import pytest

from stages.anatomy.diseases.catalogue import DISEASES
from stages.study.pairs import (
    HEALTHY,
    implanted_name,
    kind_of,
    matched_healthy,
    matched_pairs,
    phantom_name,
)


@pytest.mark.parametrize("kind", DISEASES)
@pytest.mark.parametrize("head", ["headV001", "sub-headV012", "headT1234"])
def test_a_pathological_phantom_leads_to_its_healthy_one(head: str, kind: str) -> None:
    name = phantom_name(head, kind)
    assert name != head
    assert (matched_healthy(name), kind_of(name)) == (head, kind)
    assert (matched_healthy(head), kind_of(head)) == (head, HEALTHY)
    assert phantom_name(head, HEALTHY) == head


@pytest.mark.parametrize("kind", DISEASES)
@pytest.mark.parametrize("scan", ["sub-e1s3P5", "sub-headV012", "sub-a1"])
def test_an_implant_leads_to_the_scan_that_it_was_made_from(scan: str, kind: str) -> None:
    name = implanted_name(scan, kind, 7)
    assert (matched_healthy(name), kind_of(name)) == (scan, kind)
    assert matched_pairs([scan, name]) == [(name, scan)]


@pytest.mark.parametrize(
    "name",
    [
        "sub-e1s3P5",
        "sub-implant1",
        "sub-aimplantlesions",
        "sub-atrophy",
        "sub-V001lesions",
        "lesions",
    ],
)
def test_other_scans_are_healthy_and_match_themselves(name: str) -> None:
    assert (matched_healthy(name), kind_of(name)) == (name, HEALTHY)


def test_pairs_need_both_phantoms() -> None:
    names = ["sub-headV001", "sub-headV001lesions", "sub-headV002atrophy", "sub-e0s0"]
    assert matched_pairs(names) == [("sub-headV001lesions", "sub-headV001")]
