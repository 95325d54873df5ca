"""What glibc's allocator is told."""

import ctypes

from stages.allocator import keep_freed_memory, return_large_blocks


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
