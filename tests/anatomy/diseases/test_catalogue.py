"""The diseases of the catalogue."""

from stages.anatomy.diseases.catalogue import COUNTED_AS, DISEASES, FLUIDS
from stages.anatomy.tissue import TISSUES
from stages.params.phantom import PathologyParams
from tests.settings import settings


def test_every_disease_has_parameters_of_its_own() -> None:
    assert set(DISEASES) == set(PathologyParams.model_fields) - {"heads", "kinds"}


def test_labels_of_lesions_are_each_one_disease_s_and_have_a_tissue() -> None:
    content = settings("default")["phantom"]["pathology"]
    params = PathologyParams.model_validate(content | {"kinds": tuple(content["kinds"])})
    assert len(COUNTED_AS) == sum(len(each.counted_as) for each in DISEASES.values())
    assert not set(COUNTED_AS) & set(TISSUES)
    for each in DISEASES.values():
        assert set(each.counted_as) == {*each.tissues(params), *each.fluids}
    assert set(FLUIDS) <= set(COUNTED_AS)
