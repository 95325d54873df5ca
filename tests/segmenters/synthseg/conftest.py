"""What the tests of this package share."""

from pathlib import Path

import pytest


@pytest.fixture
def kept_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the files of training heads in a folder of the test."""
    monkeypatch.chdir(tmp_path)
