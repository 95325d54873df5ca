"""Kinds of groups are data: a group is asked what it has."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from stages.params.ensembles import Baseline, EnsembleParams
from stages.recon.catalogue import BASELINES, NETWORK, method_of
from stages.study import groups, layout
from stages.study.errors import StudyError
from tests.fabricated import ROOT, Study, change_params, write_params

STAGES = ROOT / "stages"
HOME = STAGES / "study/groups.py"
NAMES = {name for kind in groups.KINDS for name in (kind.name, *kind.names)}
CONSTANTS = {"FULLY_SAMPLED", "ADDED_NOISE", "REFERENCE", "NOISE", "ENSEMBLE", "BASELINE"}
NO_GROUPS = {  # targets of a comparison, and the user's name for one
    "statistics/questions/tasks.py",
    "figures/overlap.py",
    "params/external.py",
}


@pytest.fixture
def ensembles(tmp_path: Path) -> EnsembleParams:
    """Three architectures of two members, two noise realisations, one baseline."""
    write_params(tmp_path / "params.yaml", Study(n_members=2, n_draws=2))
    return EnsembleParams.load(tmp_path / "params.yaml")


def test_groups_are_asked_what_they_have(ensembles: EnsembleParams) -> None:
    networks = ("unet", "varnet", "rim")
    assert ensembles.groups == (*networks, "noise", "reference", "zero_filled")
    assert ensembles.architectures == networks
    assert ensembles.variable == (*networks, "noise")
    assert ensembles.compared == (*networks, "noise", "zero_filled")
    assert ensembles.scored == (*networks, "zero_filled")


def test_a_group_knows_its_kind_and_members(ensembles: EnsembleParams) -> None:
    assert ensembles.group("unet") == groups.Group("unet", groups.ENSEMBLE, (0, 1))
    assert ensembles.group("noise").kind.adds_noise
    assert ensembles.group("reference", at_least=2) == groups.FULLY_SAMPLED
    assert ensembles.group("zero_filled", at_least=2).members == (0,)


def test_too_few_members_are_a_line(tmp_path: Path) -> None:
    write_params(tmp_path / "params.yaml", Study())
    change_params(tmp_path, "ensembles", "noise", [4])
    ensembles = EnsembleParams.load(tmp_path / "params.yaml")
    assert ensembles.group("noise").members == (4,)
    with pytest.raises(StudyError, match=r"'ensembles.noise': expected at least 2 members"):
        ensembles.group("noise", at_least=2)
    with pytest.raises(StudyError, match="unknown group 'gan'; known: unet"):
        ensembles.group("gan")


def test_names_of_images_say_how_they_were_sampled() -> None:
    found = {g: groups.desc_of(g) for g in ("reference", "noise", "zero_filled", "unet")}
    assert list(found.values()) == ["full", "noisy", "accelerated", "accelerated"]
    assert all(f"_desc-{desc}_" in layout.image(g, 0, "sub-a").name for g, desc in found.items())


def test_every_baseline_has_a_method_and_is_a_parameter() -> None:
    assert set(BASELINES) == set(groups.BASELINE.names) == set(get_args(Baseline))
    assert method_of("unet") is NETWORK
    assert not method_of("zero_filled").tools


def test_no_two_kinds_share_a_name() -> None:
    names = [name for kind in groups.KINDS for name in kind.names]
    assert len(names) == len(set(names))
    assert len({kind.name for kind in groups.KINDS}) == len(groups.KINDS)


def compared(tree: ast.AST) -> list[int]:
    """Return the lines that compare something with the name of a group or of a kind."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        for side in (node.left, *node.comparators):
            name = getattr(side, "attr", getattr(side, "id", None))
            if name in CONSTANTS or (isinstance(side, ast.Constant) and side.value in NAMES):
                found.append(node.lineno)
    return found


def test_the_check_sees_comparisons() -> None:
    text = "a == 'noise'\nb != REFERENCE\nc is groups.BASELINE\nd == 'caudate'"
    assert compared(ast.parse(text)) == [1, 2, 3]


def test_no_code_compares_the_name_of_a_group() -> None:
    found = {
        f"{path.relative_to(STAGES)}:{line}"
        for path in STAGES.rglob("*.py")
        if path != HOME and path.relative_to(STAGES).as_posix() not in NO_GROUPS
        for line in compared(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert not found
