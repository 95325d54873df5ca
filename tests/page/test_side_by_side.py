"""Two segmenters side by side: the table, the ranks, and how they are named."""

from dataclasses import replace

from stages.page import side_by_side
from stages.page.other_segmenter import Segmenter
from stages.page.side_by_side import row, views
from tests.page.results import facts, metrics
from tests.page.test_conclusions import by, changed

LARGEST = "Hippocampus +0.5 (0.1 to 0.9)"


def test_rows_hold_the_numbers_of_each_segmenter() -> None:
    first, second = by(changed("rim", cv=0.1))
    assert row(first, "rim")[:5] == ("RIM", "SynthSeg", "1.50", "0.50", LARGEST)
    assert row(second, "rim")[1:3] == ("atlas", "0.10")
    assert row(first, "rim")[5:] == ("0.40", "0.50", "0.10", "0.10 (−0.60 to 0.70)", "0.50")
    assert row(first, "noise")[5:] == ("–",) * 5


def test_ranks_agree_with_themselves_and_not_with_their_mirror() -> None:
    tree = metrics()
    values = {"hippocampus": 1.0, "putamen": 2.0, "caudate": 3.0}
    tree["volumes"]["rim"]["bias"] = values
    own = facts(tree)
    params = own.params.model_copy(update={"structures": tuple(values)})
    own = replace(own, params=params)
    other = metrics()
    other["volumes"]["rim"]["bias"] = {key: -value for key, value in values.items()}
    assert "of the bias RIM 1.00" in side_by_side.ranks(*by(own, own))
    assert "of the bias RIM −1.00" in side_by_side.ranks(*by(replace(own, metrics=other), own))


def test_two_segmenters_of_one_method_are_told_apart_by_their_weights() -> None:
    class Found:
        segmenter = Segmenter(
            method="synthseg", weights="w/official.h5", md5="1", mode="robust", fast=False
        )
        facts = staticmethod(lambda own: own)

    own = Segmenter(
        method="synthseg", weights="weights/embedded.npz", md5="0", mode="standard", fast=True
    )
    first, second = views(facts(), own, Found)  # type: ignore[arg-type]
    assert (first.name, first.by) == ("bundled network", "the bundled network")
    assert (second.name, second.by) == ("SynthSeg", "SynthSeg")
    slow = own.model_copy(update={"fast": False})
    Found.segmenter = slow
    first, second = views(facts(), own, Found)  # type: ignore[arg-type]
    assert first.name == first.by == "bundled network (embedded.npz, standard, fast)"
    assert second.name == "bundled network (embedded.npz, standard)"
