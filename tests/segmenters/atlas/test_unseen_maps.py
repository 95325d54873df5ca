"""Every map is left out once, and the atlas of a part averages all others."""

from pathlib import Path

import pytest

from stages.segmenters.atlas.priors import map_files
from stages.segmenters.atlas.unseen_maps import fold
from stages.study.errors import StudyError
from tests.segmenters.atlas.fabricated import atlas_params


def test_every_map_is_left_out_of_one_atlas(tmp_path: Path) -> None:
    names = [f"{letter}.nii.gz" for letter in "abcdefg"]
    for name in names:
        (tmp_path / name).touch()
    params = atlas_params(label_maps=str(tmp_path), folds=3)
    parts = [fold(params, number) for number in range(3)]
    assert sorted(name for part in parts for name in part.left_out) == names
    assert [name for k in range(7) for name in (parts[k % 3].left_out[k // 3],)] == names
    for part in parts:
        assert {path.name for path in map_files(part)} == set(names) - set(part.left_out)


def test_more_parts_than_maps_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").touch()
    with pytest.raises(StudyError, match=r"at least 4 maps for atlas\.quality\.folds"):
        fold(atlas_params(label_maps=str(tmp_path)), 1)
