"""Printed names: those of the tables, and those that a key gives."""

from stages.figures.kit.titles import STRUCTURES, surrogate_label, surrogate_phrase, title
from stages.study.structures import STRUCTURES as KNOWN


def test_titles():
    assert title("varnet") == "VarNet"
    assert title("third_ventricle") == "3rd ventricle"
    assert title("new_model") == "New model"


def test_every_structure_is_printed_by_its_own_name():
    names = [entry.name for entry in KNOWN]
    assert set(STRUCTURES) <= set(names)
    assert len({title(name) for name in names}) == len(names)
    assert title("cerebellum_cortex") == "Cerebellum cortex"


def test_a_new_surrogate_needs_no_entry():
    assert surrogate_label("std_p95") == "voxelwise SD, 95th percentile"
    assert surrogate_phrase("vote_entropy") == "the entropy of the members' votes"
    assert surrogate_label("number_of_faces") == "Number of faces"
    assert surrogate_phrase("number_of_faces") == "Number of faces"
