"""All that the study promises of a GPU, measured by one command within minutes.

python -m tests.benchmarks.gpu [--out FOLDER] [--minutes 8] [--tiny]

With the networks of params.paper.yaml on slices of 218 x 170 with 12 coils: training steps of the
study and of DIRECT's own engine, on the same files, in float32 and bfloat16, compiled and not;
whether the device computes what a CPU does, twice the same; seconds a slice of the study's
reconstruction and of `direct predict`; SynthSeg's robust networks, with random weights, on a head
of 256 x 218 x 170. Parts come in the order of their importance, each in a process of its own and
within its time; `results.json` and `results.md` are written after every row, errors included.
`--tiny` takes all the same ways on a CPU at the sizes of params.ci.yaml, where times mean nothing.
"""

import argparse
import json
import os
import platform
import subprocess
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from stages.params.ensembles import EnsembleParams
from stages.params.train import TrainParams
from tests.benchmarks import gpu_parts
from tests.benchmarks.direct import write_scans
from tests.benchmarks.gpu_parts import Settings
from tests.benchmarks.parts import Part, run_parts
from tests.benchmarks.tiny import parsed
from tests.benchmarks.training import ARCHITECTURES
from tests.segmenters.conftest import GOLDEN
from tests.segmenters.synthseg import official
from tests.settings import write_settings

Results = dict[str, dict[str, dict[str, Any]]]  # part: what was measured: values

PARTS = [
    Part("train-unet", partial(gpu_parts.training, architecture="unet"), 85),
    Part("train-varnet", partial(gpu_parts.training, architecture="varnet"), 110),
    Part("train-rim", partial(gpu_parts.training, architecture="rim"), 95),
    Part("correctness", gpu_parts.correctness, 45),
    Part("reconstruct", gpu_parts.reconstruction, 40),
    Part("segment", gpu_parts.segmentation, 40),
]
PAPER, CI = "paper", "ci"  # parameters laid over the default ones
REAL_GRID, TINY_GRID = (64, 218, 170), (8, 48, 40)  # slices, ky, kz
REAL = {
    "image": (256, 218, 170), "head": str(GOLDEN / "t1_aniso.nii.gz"), "smallest": 128,
    "widths": tuple(official.WIDTH.values()), "seconds": 4.0, "steps": 30,
    "compiled": ARCHITECTURES, "workers": 4, "many_workers": 12,
}  # fmt: skip
TINY = {
    "image": (40, 36, 32), "head": "", "smallest": 32, "widths": (2, 2, 2), "seconds": 0.5,
    "steps": 2, "compiled": ("unet",), "workers": 0, "many_workers": 1,
}  # fmt: skip
# imported once for all parts where they are forks: half of a tiny benchmark's time
SHARED = (
    "direct.data.datasets",
    "direct.data.mri_transforms",
    "direct.environment",
    "direct.nn.rim.rim_engine",
    "direct.nn.unet.unet_engine",
    "direct.nn.varnet.varnet_engine",
    "torch._dynamo",
    "torch.utils.tensorboard",
)
TARGETS = {
    "ratio": "DIRECT's time / the study's, target >= 3",
    "ratio_many": "the same, DIRECT with more workers",
    "model_fraction": "of a step that the model takes, target >= 0.85",
    "largest_volume_error": "relative, target <= 0.0005",
    "identical": "two runs give the same bytes",
}


def main(arguments: list[str] | None = None) -> None:
    """Measure all parts; print and write every row as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("work/benchmarks/gpu"))
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    parser.add_argument("--parts", nargs="+", default=[part.name for part in PARTS])
    options = parsed(parser, arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    device = "cpu" if options.tiny else "cuda"
    if options.tiny:
        os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compiling takes longer than all else
    results: Results = {}

    def write(part: str, what: str, values: dict[str, Any]) -> None:
        results.setdefault(part, {})[what] = values
        print(f"{part}: {what}: {shown(values)}", flush=True)
        save(options.out, about, results, settings.parameters)

    with tempfile.TemporaryDirectory() as folder:
        about = machine(device)
        print(about, flush=True)
        settings = settings_of(folder, device)
        write_scans(Path(folder), TINY_GRID if options.tiny else REAL_GRID, 1)
        parts = [part for part in PARTS if part.name in options.parts]
        for name in SHARED if options.tiny else ():
            import_module(name)
        start = "fork" if options.tiny else "spawn"
        run_parts(parts, settings, 60 * options.minutes, write, start)
    print((options.out / "results.md").read_text(encoding="utf-8"), flush=True)


def settings_of(folder: str, device: str) -> Settings:
    """Return what is measured: all of it on a GPU, little on a CPU."""
    place = Path(folder) / "settings"
    place.mkdir()
    name, sizes = (PAPER, REAL) if device == "cuda" else (CI, TINY)
    return Settings(folder, device, str(write_settings(name, place)), **sizes)


def machine(device: str) -> str:
    """Return the line that says where this was measured."""
    card = f"CPU {platform.processor() or platform.machine()}"
    if device == "cuda":
        query = "--query-gpu=name,driver_version,memory.total"
        asked = subprocess.run(
            ["nvidia-smi", query, "--format=csv,noheader"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        card = asked.stdout.strip() or f"no answer of nvidia-smi: {asked.stderr.strip()}"
    library = f"torch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}"
    cores = f"{os.cpu_count()} CPU cores"
    return f"{card}; {library}; Python {platform.python_version()}; {cores}"


def save(out: Path, about: str, results: Results, parameters: str) -> None:
    """Write the results so far, and what follows from them, as JSON and as tables."""
    complete = with_ratios(results)
    plan = members_per_hour(complete, parameters)
    complete |= {"plan": plan} if plan else {}
    content = json.dumps({"machine": about, "parts": complete}, indent=1)
    for name, text in (("results.json", content), ("results.md", tables(about, complete))):
        partial_file = out / f".partial-{name}"
        partial_file.write_text(text + "\n", encoding="utf-8")
        partial_file.replace(out / name)


def with_ratios(results: Results) -> Results:
    """Return the results with the ratio of DIRECT's step to each of the study's of its kind."""
    complete: Results = {}
    for part, rows in results.items():
        complete[part] = {}
        for what, values in rows.items():
            side, precision, *_ = [*what.split(", "), ""]
            added = {}
            if part.startswith("train-") and side == "study" and "step_s" in values:
                others = {
                    ("ratio_many" if name.endswith("workers") else "ratio"): other
                    for name, other in rows.items()
                    if name.startswith(f"DIRECT, {precision}") and "step_s" in other
                }
                added = {key: o["step_s"] / values["step_s"] for key, o in others.items()}
            complete[part][what] = {**values, **added}
    return complete


def members_per_hour(results: Results, parameters: str) -> dict[str, dict[str, Any]]:
    """Return for each way to train what an ensemble takes of one GPU, from the measured steps."""
    found = {}
    ensembles = EnsembleParams.load(Path(parameters))
    for name in ARCHITECTURES:
        n_steps = TrainParams.load_architecture(name, Path(parameters)).steps
        n_members = len(ensembles.members(name))
        for what, values in results.get(f"train-{name}", {}).items():
            if what.startswith("study") and "step_s" in values:
                hours = n_steps * values["step_s"] / 3600
                found[f"{name}: {what}"] = {
                    "step_s": values["step_s"],
                    "steps": n_steps,
                    "hours_per_member": hours,
                    "members_per_hour": 1 / hours,
                    "members": n_members,
                    "gpu_days": n_members * hours / 24,
                }
    return found


def tables(about: str, results: Results) -> str:
    """Return one Markdown table a part, below the line of the machine."""
    blocks = [about, "\n".join(f"- `{key}`: {text}" for key, text in TARGETS.items())]
    for part, rows in results.items():
        keys = list(dict.fromkeys(key for values in rows.values() for key in values))
        lines = [[part, *keys], ["---"] * (1 + len(keys))]
        lines += [[what, *(cell(v.get(key, "")) for key in keys)] for what, v in rows.items()]
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(blocks)


def cell(value: Any) -> str:
    """Return a value as a table shows it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "/")


def shown(values: dict[str, Any]) -> str:
    """Return the values of a row in one line."""
    return ", ".join(f"{key} {cell(value)}" for key, value in values.items())


if __name__ == "__main__":
    main()
