"""Every method has what it needs, and weights of another are refused."""

import subprocess
import sys

import pytest
import torch

from stages.params.section import parse
from stages.params.segment import SegmentParams
from stages.segmenters.atlas.atlas_file import ATLAS_FILE
from stages.segmenters.catalogue import KINDS, described, open_segmenter, provenance
from stages.segmenters.protocol import NO_WEIGHTS
from stages.segmenters.synthseg.labels import SIDED_LABELS
from stages.segmenters.synthseg.weight_files import EMBEDDED_FILE
from stages.storage.files import md5
from stages.study.errors import StudyError
from tests.fabricated import ROOT

CPU = torch.device("cpu")


def section(method: str, weights: object) -> SegmentParams:
    shifts = {"draws": 0, "shift_voxels": 0.5}
    content = {"method": method, "weights": str(weights), "mode": "standard", "fast": False}
    content["command"] = "segment {image} {labels}"  # which one method reads
    return parse(SegmentParams, "segment", content | {"perturbations": shifts})


def test_methods_are_those_of_the_catalogue() -> None:
    for name, kind in KINDS.items():
        assert section(name, kind.weights).method == name
        assert kind.weights.is_file()
    known = "synthseg or atlas or files or command"
    with pytest.raises(StudyError, match=f"segment.method': expected {known}, got 'other'"):
        section("other", "weights/other.npz")


def test_words_need_no_library_of_a_segmenter() -> None:
    code = (
        "import sys; from stages.segmenters.catalogue import KINDS;"
        "print([m for m in ('torch', 'SimpleITK', 'pandas', 'direct') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_is_told_of_a_segmenter() -> None:
    network, atlas = section("synthseg", EMBEDDED_FILE), section("atlas", ATLAS_FILE)
    assert described(network) == "bundled network (embedded.npz, standard mode)"
    for weights, name in (("synthseg_2.0.h5", "SynthSeg"), ("mine.npz", "own network")):
        own = network.model_copy(update={"weights": weights})
        assert described(own) == f"{name} ({weights}, standard mode)"
    assert described(atlas) == "atlas (atlas.npz)"
    assert {"Mode", "Fast"} <= set(provenance(network))
    assert set(provenance(atlas)) == {"Method", "Weights", "WeightsMD5"}
    assert "in the manner of SynthSeg" in KINDS["synthseg"].words(network).text
    assert "atlas" in KINDS["atlas"].words(atlas).text


@pytest.mark.parametrize(
    ("method", "path"), [("synthseg", EMBEDDED_FILE), ("atlas", ATLAS_FILE)], ids=str
)
def test_both_give_all_labels_and_say_where_from(method: str, path: object) -> None:
    params = section(method, path)
    found = open_segmenter(params, CPU).model
    assert found.labels == SIDED_LABELS and len(found.names) == len(SIDED_LABELS) - 1
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
    assert ATLAS_FILE.stat().st_size < 2.5e6


def test_a_parcellation_is_synthsegs_alone_and_stands_in_sidecars(tmp_path) -> None:
    network = section("synthseg", EMBEDDED_FILE)
    assert not any("Parcellation" in key for key in provenance(network))
    (tmp_path / "parc.h5").write_text("weights")
    chosen = {"parcellation": str(tmp_path / "parc.h5")}
    found = provenance(network.model_copy(update=chosen))
    assert found["ParcellationWeightsMD5"] == md5(tmp_path / "parc.h5")
    content = network.model_dump()
    with pytest.raises(StudyError, match="parcellation 'p.npz': expected 'weights/none' or an"):
        parse(SegmentParams, "segment", content | {"parcellation": "p.npz"})
    other = content | {"method": "atlas", "weights": "weights/atlas.npz", "parcellation": "p.h5"}
    with pytest.raises(StudyError, match="parcellation is SynthSeg's: set it to 'weights/none'"):
        parse(SegmentParams, "segment", other)
    assert (ROOT / NO_WEIGHTS).read_text(encoding="utf-8").startswith("This file stands for no")
