"""The tests that depend on the processor's kernels, under many: `python -m tests.kernels`.

    python -m tests.kernels          tests marked `kernels`, 12 settings
    python -m tests.kernels --all    the whole suite, 4 settings that have every value

A setting restricts the vector instructions of torch, MKL, numpy and OpenBLAS together (`none`,
`avx2`, or `own`: all that the processor has) and those of oneDNN (`avx2` or `own`), and sets the
threads of torch, which fixtures and parameters of the tests take from here (`n_threads`). Of
settings that are the same on a processor, one runs. A line each tells what came of it; the exit
code is 1 if a test failed under any.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from time import monotonic
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
MARK = "pytest.mark.kernels"
THREADS = "STUDY_TEST_THREADS"  # how many threads of torch a test computes with
NUMPY_AVX2 = "X86_V3"  # numpy's name of AVX2 and what came with it
# what restricts MKL and OpenBLAS as ATEN_CPU_CAPABILITY does torch
VECTORS = {
    "none": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "own": {},
}
RESTRICTED = [*VECTORS["none"], "NPY_DISABLE_CPU_FEATURES", "ONEDNN_MAX_CPU_ISA"]


class Setting(NamedTuple):
    """Kernels and threads."""

    vectors: str  # none | avx2 | own
    onednn: str  # avx2 | own
    threads: int

    def environment(self) -> dict[str, str]:
        """Return the environment of a process with these kernels."""
        kept = {key: value for key, value in os.environ.items() if key not in RESTRICTED}
        disabled = numpy_features(self.vectors)
        n = str(self.threads)
        return (
            kept
            | VECTORS[self.vectors]
            | ({"NPY_DISABLE_CPU_FEATURES": " ".join(disabled)} if disabled else {})
            | ({"ONEDNN_MAX_CPU_ISA": "AVX2"} if self.onednn == "avx2" else {})
            | {THREADS: n, "OMP_NUM_THREADS": n, "MKL_NUM_THREADS": n, "OMP_WAIT_POLICY": "passive"}
            | {"TORCHINDUCTOR_CACHE_DIR": str(self.compiled)}
        )

    @property
    def compiled(self) -> Path:
        """Return where torch's compiler keeps its kernels.

        Its keys lack the vector instructions: a process that ran what another setting with as many
        threads had compiled was aborted.
        """
        name = f"torchinductor-{self.vectors}-{self.onednn}-{self.threads}"
        return Path(tempfile.gettempdir()) / name


# the whole suite takes long: every value, and every pair of oneDNN's kernels and threads
COVER = [
    Setting("own", "own", 1),
    Setting("none", "avx2", 1),
    Setting("avx2", "own", 2),
    Setting("own", "avx2", 2),
]


def n_threads() -> int:
    """Return the threads of torch that tests compute with: one, unless a setting has more."""
    return int(os.environ.get(THREADS, "1"))


def numpy_features(vectors: str) -> list[str]:
    """Return the instructions of this processor that numpy must not use."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    found = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    allowed = {"none": [], "avx2": [NUMPY_AVX2], "own": found}[vectors]
    return [name for name in found if name not in allowed]


def settings(capability: str) -> list[Setting]:
    """Return all settings that differ on a processor whose vector instructions torch calls so."""
    names = {"DEFAULT": ["own"], "AVX2": ["none", "own"]}.get(capability, list(VECTORS))
    onednn = ["own"] if capability in ("DEFAULT", "AVX2") else ["avx2", "own"]
    return [Setting(*each) for each in product(names, onednn, (1, 2))]


def cover(different: list[Setting]) -> list[Setting]:
    """Return all settings if they are few, else four that have every pair of oneDNN and threads."""
    return different if len(different) <= len(COVER) else COVER


def marked_files() -> list[str]:
    """Return the test files in which something is marked."""
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(path.relative_to(ROOT)) for path in paths if MARK in path.read_text("utf-8")]


def run(setting: Setting, *, everything: bool) -> tuple[int, str, float]:
    """Run the tests under a setting; return pytest's exit code, what it printed, and seconds."""
    chosen = ["-n", "2", "--dist", "loadfile"] if everything else ["-m", "kernels", *marked_files()]
    command = [sys.executable, "-m", "pytest", "--tb=short"]
    started = monotonic()
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *chosen],
        cwd=ROOT,
        env=setting.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, monotonic() - started


def count(word: str, printed: str) -> int:
    """Return how many tests pytest's last line says have passed, failed and so on."""
    last = printed.strip().splitlines()[-1] if printed.strip() else ""
    found = re.search(rf"(\d+) {word}", last)
    return int(found[1]) if found else 0


def report(setting: Setting, result: tuple[int, str, float]) -> int:
    """Print the line of a setting, and all that pytest said where it failed; return its code."""
    code, printed, seconds = result
    passed, skipped = (count(word, printed) for word in ("passed", "skipped"))
    failed = count("failed", printed) + count("errors?", printed)
    print(
        f"{setting.vectors:8} {setting.onednn:7} {setting.threads:7} {passed:7} {failed:7}"
        f" {skipped:8} {seconds:8.0f}",
        flush=True,
    )
    if code:
        print(f"{printed}pytest ended with {code}", flush=True)  # negative: killed by that signal
    return code


def main() -> None:
    """Run the tests under all settings, two at a time where one of them is one process."""
    import torch

    parser = argparse.ArgumentParser(prog="python -m tests.kernels", description=__doc__)
    parser.add_argument("--all", action="store_true", help="the whole suite, not the marked tests")
    chosen = parser.parse_args()
    print(f"{'vectors':8} {'oneDNN':7} threads  passed  failed  skipped  seconds")
    different = settings(torch.backends.cpu.get_cpu_capability())
    different = cover(different) if chosen.all else different
    with ThreadPoolExecutor(1 if chosen.all else 2) as pool:
        results = pool.map(partial(run, everything=chosen.all), different)
        codes = [report(*each) for each in zip(different, results, strict=True)]
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    main()
