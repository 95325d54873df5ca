"""Names of counterfactual twins."""

import pytest

from stages.study.pairs import HEALTHY, KINDS, healthy_twin, kind_of, twin_name, twins


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", ["headV001", "sub-headV012", "headT1234"])
def test_a_twin_leads_back_to_its_head(head: str, kind: str) -> None:
    name = twin_name(head, kind)
    assert name != head
    assert (healthy_twin(name), kind_of(name)) == (head, kind)
    assert (healthy_twin(head), kind_of(head)) == (head, HEALTHY)
    assert twin_name(head, HEALTHY) == head


@pytest.mark.parametrize("name", ["sub-e1s3P5", "sub-atrophy", "sub-V001lesions", "lesions"])
def test_other_scans_are_healthy_and_their_own_twins(name: str) -> None:
    assert (healthy_twin(name), kind_of(name)) == (name, HEALTHY)


def test_pairs_need_both_twins() -> None:
    names = ["sub-headV001", "sub-headV001lesions", "sub-headV002atrophy", "sub-e0s0"]
    assert twins(names) == [("sub-headV001lesions", "sub-headV001")]
