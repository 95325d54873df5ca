"""Devices by name, and the allocator."""

import ctypes

import pytest
import torch

from stages.errors import StudyError
from stages.synthseg.device import keep_freed_memory, pick_device, return_large_blocks


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")
    with pytest.raises(StudyError, match="no CUDA device"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    assert pick_device("cpu") == torch.device("cpu")


def test_allocator_is_told_and_may_be_another(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, *values):
            calls.append(values)

        def malloc_trim(self, value):
            calls.append(("trim", value))

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    keep_freed_memory()
    assert calls == [(-4, 0), (-1, 2**31 - 1)]
    return_large_blocks()
    assert calls[2:] == [(-4, 65536), (-3, 32 * 2**20), ("trim", 0)]
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
    assert len(calls) == 5
