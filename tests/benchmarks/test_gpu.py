"""The benchmark of a GPU, tiny and on a CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.gpu import members_per_hour, with_ratios
from tests.fabricated import ROOT

STEP = {"step_s", "model_fraction", "peak_gpu_gb", "first_step_s", "n_steps", "batch"}
SCAN = {"study_s", "direct_s", "ratio", "difference", "study_peak_gpu_gb", "direct_peak_gpu_gb"}
SEGMENTED = {"prepare_s", "networks_s", "measure_s", "peak_gpu_gb", "size"}
AGREEMENT = {"largest_volume_error", "median_volume_error", "n_structures", "same_labels"}
PLAN = {"hours_per_member", "members_per_hour", "members", "gpu_days"}
N_TRAINED = {"unet": 9, "varnet": 7, "rim": 7}  # ways to train; two of the UNet's are compiled


@pytest.mark.slow
def test_all_parts_run_on_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--tiny", "--out", tmp_path]
    command += ["--minutes", "20"]  # however busy the machine is
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    parts = content["parts"]
    errors = [
        (p, w, v["error"]) for p, rows in parts.items() for w, v in rows.items() if "error" in v
    ]
    assert errors == []
    assert "torch" in content["machine"]
    for name, n_rows in N_TRAINED.items():
        rows = parts[f"train-{name}"]
        assert len(rows) == n_rows
        assert all(set(values) >= STEP for values in rows.values())
        ours = [values for what, values in rows.items() if what.startswith("study")]
        assert all(values["ratio"] > 0 and values["ratio_many"] > 0 for values in ours)
        assert set(parts["reconstruct"][name]) >= SCAN
        assert parts["reconstruct"][name]["difference"] < 1e-5
        assert 0 < parts["correctness"][f"{name}, bfloat16 against float32"]["loss_error"] < 0.02
        assert parts["correctness"][f"{name}, device against CPU"]["gradient_error"] == 0
    identical = [v["identical"] for v in parts["correctness"].values() if "identical" in v]
    assert identical == [True] * 9
    assert [set(v) for v in parts["segment"].values()] == [SEGMENTED] * 3 + [AGREEMENT] * 3
    assert all(set(values) >= PLAN for values in parts["plan"].values())
    table = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert all(f"| {part} | " in table for part in parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", "results.md"]


def test_ratios_are_of_the_same_precision() -> None:
    rows = {
        "study, float32": {"step_s": 1.0},
        "study, float32, compiled": {"step_s": 0.5},
        "study, bfloat16": {"error": "too large"},
        "DIRECT, float32": {"step_s": 4.0},
        "DIRECT, float32, 12 workers": {"step_s": 2.0},
        "DIRECT, bfloat16": {"step_s": 100.0},
    }
    found = with_ratios({"train-unet": rows})["train-unet"]
    assert found["study, float32"] == {"step_s": 1.0, "ratio": 4.0, "ratio_many": 2.0}
    assert found["study, float32, compiled"]["ratio"] == 8.0
    assert found["study, bfloat16"] == {"error": "too large"}
    assert found["DIRECT, float32"] == {"step_s": 4.0}


def test_members_per_hour_are_those_of_the_papers_plan() -> None:
    rows = {"train-rim": {"study, float32": {"step_s": 0.36}, "DIRECT, float32": {"step_s": 1.0}}}
    (values,) = members_per_hour(rows, "params.paper.yaml").values()
    assert values["hours_per_member"] == pytest.approx(10)  # 100,000 steps
    assert values["members_per_hour"] == pytest.approx(0.1)
    assert values["gpu_days"] == pytest.approx(11 * 10 / 24)
