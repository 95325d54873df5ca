"""Overlays: what they change, what they leave, and what they refuse."""

import re
import shutil
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml

from stages.params.overlays import Merged, merge, overlays
from stages.params.section import FILE
from stages.study.errors import StudyError
from tests.fabricated import ROOT

DEFAULT = """# the default
mask: # of k-space
  seed: 0 # any
  files: null # or a folder

train:
  rim:
    model: rim.rim.RIM
    network: # arguments
      length: 5 # steps
      depth: 2 # layers

    # how it learns
    schedule: {kind: cosine, warmup_steps: 8} # kinds
    betas: [0.9, 0.99]

analyse:
  structures: # of the brain
    - cortex
    - thalamus
  trial:
    power: 0.8
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a short default file, which the whole schema would not accept."""
    (tmp_path / FILE).write_text(DEFAULT)
    monkeypatch.setattr("stages.params.overlays.check", lambda *_: None)
    return tmp_path


def over(folder: Path, text: str) -> Merged:
    """Lay an overlay over the default file of a folder."""
    (folder / "params.own.yaml").write_text(text)
    return merge("own", folder)


def body(merged: Merged) -> str:
    """Return the merged text below its head."""
    return re.sub(r"\A(#.*\n)*", "", merged.texts[FILE])


def leaves(tree: dict, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield the values of nested mappings, each with its keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@pytest.mark.parametrize("name", overlays(ROOT))
def test_all_that_a_committed_overlay_holds_arrives(name: str) -> None:
    wanted = yaml.safe_load((ROOT / f"params.{name}.yaml").read_text(encoding="utf-8"))
    found = {}
    for text in merge(name, ROOT).texts.values():
        found |= yaml.safe_load(text)
    for path, value in leaves(wanted):
        assert reduce(getitem, path, found) == value, path


def test_only_what_changes_is_touched(folder: Path) -> None:
    merged = over(folder, "mask:\n  seed: 7\n")
    assert body(merged) == DEFAULT.replace("seed: 0", "seed: 7").removeprefix("# the default\n")
    assert merged.texts[FILE].startswith("# the default\n# Laid over it: params.own.yaml (`")
    assert merged.changes == ("mask.seed: 0 -> 7",)


def test_a_comment_behind_a_value_goes_with_it(folder: Path) -> None:
    assert "  seed: 7 # mine\n  files: null # or" in body(over(folder, "mask:\n  seed: 7 # mine\n"))


def test_keys_of_the_schema_are_merged_also_on_one_line(folder: Path) -> None:
    merged = over(folder, "train: {rim: {schedule: {warmup_steps: 3}, betas: [0.9, 0.999]}}")
    assert "    schedule: {kind: cosine, warmup_steps: 3} # kinds\n" in body(merged)
    assert merged.changes == (
        "train.rim.schedule.warmup_steps: 8 -> 3",
        "train.rim.betas: [0.9, 0.99] -> [0.9, 0.999]",
    )


@pytest.mark.parametrize("network", ["{length: 8, width: 3}", "\n      length: 8\n      width: 3"])
def test_free_keys_are_replaced_as_a_whole(folder: Path, network: str) -> None:
    merged = over(folder, f"train:\n  rim:\n    network: {network}\n")
    assert "network: # arguments\n      length: 8 # steps\n      width: 3\n\n    # how" in body(
        merged
    )
    assert merged.changes[1:] == (
        "train.rim.network.depth: 2 -> (none)",
        "train.rim.network.width: (none) -> 3",
    )


def test_free_keys_may_all_go(folder: Path) -> None:
    for network, content in (("{width: 3}", {"width": 3}), ("{}", {}), ("null", None)):
        text = body(over(folder, f"train: {{rim: {{network: {network}}}}}"))
        assert yaml.safe_load(text)["train"]["rim"]["network"] == content
        assert "\n    # how it learns\n" in text


def test_lists_are_replaced_and_keys_added(folder: Path) -> None:
    merged = over(folder, "analyse: {structures: [caudate], trial: {alpha: 0.1}, seed: 1}")
    found = yaml.safe_load(body(merged))["analyse"]
    assert found == {"structures": ["caudate"], "trial": {"power": 0.8, "alpha": 0.1}, "seed": 1}


def test_small_numbers_are_read_again_as_numbers(folder: Path) -> None:
    text = body(over(folder, "mask: {seed: 1.0e-7}"))
    assert yaml.safe_load(text)["mask"]["seed"] == 1e-7


def test_the_same_overlay_twice_changes_nothing_more(folder: Path) -> None:
    text = "mask: {seed: 7, files: masks}\ntrain: {rim: {network: {width: 3}}}\n"
    first = over(folder, text).texts[FILE]
    (folder / FILE).write_text(first)
    again = over(folder, text)
    assert again.texts[FILE] == first
    assert again.changes == ()


def test_a_section_goes_to_the_file_where_it_stands(folder: Path) -> None:
    (folder / "params.segmenters.yaml").write_text("atlas:\n  seed: 0\n")
    merged = over(folder, "atlas: {seed: 1}\nmask: {seed: 2}\n")
    assert "seed: 1" in merged.texts[Path("params.segmenters.yaml")]
    assert merged.changes == ("mask.seed: 0 -> 2", "atlas.seed: 0 -> 1")
    assert overlays(folder) == ["own"]


def test_a_default_file_is_no_overlay(folder: Path) -> None:
    over(folder, "mask: {seed: 2}\n")
    (folder / "params.segmenters.yaml").write_text("atlas:\n  seed: 0\n")
    with pytest.raises(StudyError, match=r"found none; there are: own$"):
        merge("segmenters", folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maks: {seed: 1}", r"params\.own\.yaml: unknown key 'maks'.*did you mean 'mask'\?"),
        ("mask: {acelleration: 3.0}", "unknown key 'mask.acelleration'.*mean 'acceleration'"),
        ("mask: {seed: one}", "over params.yaml: 'mask.seed'.*integer, got 'one'"),
        ("train: {rim: {steps: 0}}", "over params.yaml: 'train.rim.steps'.*got 0"),
        ("train: {rum: {steps: 3}}", "unknown group 'rum'; known: .*rim"),
        ("ensembles: {unet: [0]}", "ensembles"),
        ("- mask", "expected sections"),
        ("mask: [", "expected the parameters as YAML"),
    ],
)
def test_faults_are_one_line(text: str, message: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / FILE, tmp_path)
    for path in ROOT.glob("params.segmenters.yaml"):
        shutil.copy(path, tmp_path)
    with pytest.raises(StudyError, match=message) as caught:
        over(tmp_path, text)
    assert "\n" not in str(caught.value)
