"""What glibc's allocator is told."""

import ctypes
import os

import pytest

from stages.machine import memory
from stages.machine.memory import keep_freed_memory, map_large_blocks, return_large_blocks


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


@pytest.mark.parametrize(
    ("system", "huge"),
    [
        ("always [madvise] never\n", True),
        ("[always] madvise never\n", True),
        ("always madvise [never]\n", False),
        (None, False),
    ],
)
def test_blocks_are_mapped_where_pages_are_huge(system, huge, tmp_path, monkeypatch):
    told = {}
    monkeypatch.setattr(memory, "tune_allocator", told.update)
    monkeypatch.setattr(memory, "HUGE_PAGES", tmp_path / "enabled")
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    if system:
        memory.HUGE_PAGES.write_text(system)
    map_large_blocks()
    assert told[-4] == (65536 if huge else 0)
    assert (-3 in told) == huge
    assert os.environ.pop("THP_MEM_ALLOC_ENABLE", None) == ("1" if huge else None)
