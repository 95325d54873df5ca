"""Every method has what it needs, and weights of another are refused."""

from typing import get_args

import pytest
import torch

from stages.params.section import parse
from stages.params.segment import OWN_WEIGHTS, SegmentParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.catalogue import OPENERS, open_segmenter, provenance
from stages.segmenters.synthseg.labels import MERGED_LABELS
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.study.errors import StudyError

CPU = torch.device("cpu")


def section(method: str, weights: object) -> SegmentParams:
    shifts = {"draws": 0, "shift_voxels": 0.5}
    content = {"method": method, "weights": str(weights), "mode": "standard", "fast": False}
    return parse(SegmentParams, "segment", content | {"perturbations": shifts})


def test_methods_openers_and_weights_are_the_same() -> None:
    methods = get_args(SegmentParams.model_fields["method"].annotation)
    assert set(methods) == set(OPENERS) == set(OWN_WEIGHTS)


@pytest.mark.parametrize(
    ("method", "path"), [("synthseg", EMBEDDED_FILE), ("atlas", ATLAS_FILE)], ids=str
)
def test_both_give_the_same_labels_and_say_where_from(method: str, path: object) -> None:
    params = section(method, path)
    found = open_segmenter(params, CPU).model
    assert found.labels == MERGED_LABELS and len(found.names) == len(MERGED_LABELS) - 1
    assert provenance(params)["Method"] == method
    assert provenance(params)["Weights"] == path.name


def test_weights_of_the_other_method(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"set segment\.weights as well \(weights/atlas\.npz\)"):
        section("atlas", "weights/embedded.npz")
    with pytest.raises(StudyError, match=r"weights/embedded\.npz"):
        section("synthseg", "weights/atlas.npz")
    other = tmp_path / "mine.npz"
    other.write_bytes(EMBEDDED_FILE.read_bytes())
    with pytest.raises(StudyError, match=r"mine\.npz: expected an atlas"):
        open_segmenter(section("atlas", other), CPU)


def test_the_atlas_is_small() -> None:
    assert ATLAS_FILE.stat().st_size < 1.5e6
