"""The settings of `python -m tests.kernels`, and that they reach the libraries."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests import kernels
from tests.kernels import Setting, count, cover, marked_files, n_threads, settings

CODE = """
import numpy, torch
from threadpoolctl import threadpool_info
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
print(*{found["architecture"] for found in threadpool_info() if found["user_api"] == "blas"})
ones = [1, 1]
torch.mkldnn_convolution(torch.rand(1, 8, 9, 9), torch.rand(8, 8, 3, 3), None, ones, ones, ones, 1)
"""


def test_a_processor_with_avx512_has_twelve() -> None:
    found = settings("AVX512")
    assert len(set(found)) == len(found) == 12
    assert found[0] == Setting("none", "avx2", 1)
    assert found[-1] == Setting("own", "own", 2)


@pytest.mark.parametrize(("capability", "n"), [("AVX2", 4), ("DEFAULT", 2)])
def test_settings_that_are_the_same_run_once(capability: str, n: int) -> None:
    found = settings(capability)
    assert len(set(found)) == len(found) == n
    assert {each.onednn for each in found} == {"own"}
    assert found[-1].vectors == "own"


def test_four_settings_cover_every_value() -> None:
    every = settings("AVX512")
    found = cover(every)
    assert set(found) <= set(every)
    assert [{*values} for values in zip(*found, strict=True)] == [
        {*values} for values in zip(*every, strict=True)
    ]
    assert len({(each.onednn, each.threads) for each in found}) == len(found) == 4
    assert cover(settings("AVX2")) == settings("AVX2")


def test_no_setting_runs_what_was_compiled_for_another() -> None:
    every = settings("AVX512")
    assert len({each.environment()["TORCHINDUCTOR_CACHE_DIR"] for each in every}) == len(every)


@pytest.mark.parametrize("vectors", ["none", "avx2"])
def test_a_setting_reaches_the_libraries(vectors: str) -> None:
    setting = Setting(vectors, "avx2", 2)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE],
        env=setting.environment() | {"ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    own = torch.backends.cpu.get_cpu_capability()
    if own not in ("AVX2", "AVX512"):
        pytest.skip("a processor without AVX2")
    lines = done.stdout.splitlines()
    assert f"{'DEFAULT' if vectors == 'none' else 'AVX2'} 2" in lines
    assert {"none": "Nehalem", "avx2": "Haswell"}[vectors] in lines
    assert any("cpu,isa:Intel AVX2" in line for line in lines)


@pytest.mark.kernels
def test_this_process_has_the_setting() -> None:
    capability = os.environ.get("ATEN_CPU_CAPABILITY")
    assert capability is None or torch.backends.cpu.get_cpu_capability() == capability.upper()
    features = np._core._multiarray_umath.__cpu_features__
    disabled = os.environ.get("NPY_DISABLE_CPU_FEATURES", "").split()
    assert not any(features[name] for name in disabled)
    assert n_threads() == int(os.environ.get(kernels.THREADS, "1"))


def test_files_with_marked_tests_are_found() -> None:
    found = marked_files()
    assert {
        "tests/commands/test_export.py",
        "tests/recon/test_zoo.py",
        "tests/test_kernels.py",
    } <= set(found)
    assert "tests/test_citation.py" not in found


def test_counts_are_read_from_the_last_line() -> None:
    printed = "..F\n1 failed, 23 passed, 2 skipped in 3.10s\n"
    found = [count(word, printed) for word in ("passed", "failed", "skipped", "errors?")]
    assert found == [23, 1, 2, 0]
    assert count("passed", "") == 0
