"""Every kind of masks: what the parameters name, what it draws, what it is called."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from direct.common.subsample import build_masking_function

from stages.kspace.masks.catalogue import KINDS, chosen
from stages.kspace.masks.centre import disk
from stages.kspace.masks.protocol import Target
from stages.params.mask import READ, KindName, MaskParams
from tests.fabricated import ROOT

SHAPE, N_ACQUIRED = (108, 84), 72
DRAWN = tuple(name for name in KINDS if name not in READ)


def params(kind: str, **changes: object) -> MaskParams:
    """Return the default's parameters with another kind."""
    return MaskParams.load(ROOT / "params.yaml").model_copy(update={"kind": kind} | changes)


def test_the_schema_names_the_catalogue() -> None:
    assert tuple(KINDS) == get_args(KindName)
    assert all(kind.name == name for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", DRAWN)
def test_masks_of_every_drawn_kind(kind: str) -> None:
    drawn = [
        chosen(params(kind)).mask(params(kind), Target(SHAPE, N_ACQUIRED, seed))
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(drawn[0].mask, drawn[1].mask)
    assert (drawn[0].mask != drawn[2].mask).any()
    assert drawn[0].acceleration_acquired == pytest.approx(5, rel=0.12)
    assert drawn[0].calibration[54, 42]
    assert not drawn[0].mask[:, N_ACQUIRED:].any()


@pytest.mark.parametrize("kind", DRAWN)
def test_the_asked_acceleration_is_drawn_at_the_papers_matrix(kind: str) -> None:
    drawn = chosen(params(kind)).mask(params(kind), Target((218, 170), 145, 0))
    assert drawn.acceleration_acquired == pytest.approx(5, rel=0.03)


@pytest.mark.parametrize("kind", READ)
def test_masks_of_every_kind_that_is_read(kind: str, tmp_path: Path) -> None:
    mask = disk(SHAPE, 20) | (np.random.default_rng(0).random(SHAPE) < 0.05)
    mask[:, N_ACQUIRED:] = False
    np.save(tmp_path / "R5_108x84.npy", mask[None] if kind == "challenge" else mask)
    counted = 108 * 72 / mask.sum()
    found = params(kind, files=str(tmp_path), acceleration=5.0 if kind == "challenge" else counted)
    drawn = chosen(found).mask(found, Target(SHAPE, N_ACQUIRED, 0))
    np.testing.assert_array_equal(drawn.mask, mask)
    assert drawn.acceleration_acquired == counted


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_plural_and_names_of_direct_are_known(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = chosen(params(kind, files=str(tmp_path)))
    assert "masks" in found.words(params(kind))
    configuration = found.direct(params(kind))
    assert (configuration is None) == (kind == "file")
    if configuration is not None and configuration["name"] != "CalgaryCampinas":
        assert build_masking_function(**configuration) is not None
