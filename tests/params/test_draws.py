"""Section `draws`: groups of repeated reconstructions by one network."""

from pathlib import Path
from typing import get_args

import pytest

from stages.params.draws import KINDS, OPTIONS, DrawsSection, Method
from stages.params.ensembles import EnsembleParams
from stages.recon.draws.catalogue import METHODS
from stages.study import sidecars
from stages.study.errors import StudyError
from tests.fabricated import Study, change_params, write_params
from tests.settings import settings, write_settings


def loaded(folder: Path, **draws: object) -> EnsembleParams:
    write_params(folder / "params.yaml", Study(n_members=2, n_draws=2))
    for name, content in draws.items():
        change_params(folder, "draws", name, content)
    return EnsembleParams.load(folder / "params.yaml")


def draws(method: str = "replicas", **changes: object) -> dict[str, object]:
    return {"of": "unet/1", "method": method, "members": [0, 3]} | changes


def test_the_default_study_has_none(tmp_path: Path) -> None:
    assert settings("default")["draws"] == {}
    assert "replicas" not in loaded(tmp_path).groups


def test_draws_are_groups_with_members_that_are_no_study_of_their_own(tmp_path: Path) -> None:
    found = loaded(tmp_path, replicas=draws(), weights=draws("swag", of="rim/0", last=3))
    group = found.group("replicas")
    assert (group.members, group.of_group, group.method) == ((0, 3), "unet", "replicas")
    assert {"replicas", "weights"} <= {*found.variable} & {*found.compared} & {*found.scored}
    assert not {"replicas", "weights"} & {*found.studied, *found.architectures}
    assert not group.crossed and found.group("weights").crossed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (draws(of="unet/7"), r"'draws.mine.of': expected a member that the study trains"),
        (draws(of="gan/0"), r"one of unet/0, unet/1, varnet/0.*got gan/0"),
        (draws(of="unet"), r"expected 'of' to name a group and a member, such as unet/0"),
        (draws(members=[0]), r"'draws.mine.members'"),
        (draws(members=[0, 0]), r"'draws.mine.members': seeds must differ"),
        (draws("masks", kept=0.5), r"expected no 'kept' of method masks.*option of subsets"),
        (draws("subsets", kept=1.0), r"'draws.mine.kept'"),
        (draws("guess"), r"'draws.mine.method'"),
        (draws(size=3), r"unknown key 'draws.mine.size'"),
    ],
)
def test_faults_are_a_line(tmp_path: Path, content: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        loaded(tmp_path, mine=content)


def test_names_are_of_one_group(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"'draws.noise': expected a name that no other group has"):
        loaded(tmp_path, noise=draws())
    with pytest.raises(StudyError, match=r"expected names of letters"):
        loaded(tmp_path, **{"a b": draws()})
    with pytest.raises(StudyError, match="unknown group of draws 'x'; known: none"):
        DrawsSection().group("x")


def test_every_method_has_a_kind_and_the_miniature_study_runs_all(tmp_path: Path) -> None:
    names = {*get_args(Method)}
    assert names == {*KINDS} == {*METHODS}
    assert {method for methods in OPTIONS.values() for method in methods} <= names
    write_settings("ci", tmp_path)
    found = DrawsSection.load(tmp_path / "params.yaml").groups
    assert {one.method for one in found.values()} == names


def test_what_members_share_is_a_property_of_the_kind() -> None:
    for kind in KINDS.values():
        assert not {*kind.same_in} & {*kind.differ_in}
        assert (sidecars.WEIGHTS in kind.same_in) != (sidecars.WEIGHTS in kind.differ_in)
        assert kind.nested == (sidecars.WEIGHTS in kind.same_in)
