"""What a finished miniature study must have left; called after its `dvc repro`."""

import sys
from pathlib import Path

import yaml
from matplotlib.image import imread

from stages.params.draws import DrawsSection
from stages.storage.files import read_json
from stages.study import layout

METRICS = (
    layout.HEADLINE,
    layout.metric("mask", "masks"),
    layout.metric("pathology", "pathology"),
    layout.metric("segmenter-quality", "segmenter"),
    *(
        layout.metric("analyse", name)
        for name in ("image_quality", "kinds", "noise", "prediction", "total_variance", "volumes")
    ),
)
TOO_FEW = {"conformal", "slopes"}  # tables that need ten subjects, and members in each half
SMALLEST_FIGURE = (200, 300)  # pixels; a figure below it was cut


def outputs() -> list[Path]:
    """Return the files and folders of metrics and plots that dvc.yaml lists."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"].values()
    listed = [out for stage in stages for key in ("outs", "metrics") for out in stage.get(key, [])]
    names = [next(iter(out)) if isinstance(out, dict) else out for out in listed]
    return [Path(name) for name in names if name.startswith(("metrics/", "plots/"))]


def faults() -> list[str]:
    """Return what is missing or empty."""
    found = [f"{path}: missing" for path in outputs() if not path.exists()]
    found += [f"{path}: empty" for path in outputs() if path.is_dir() and not any(path.iterdir())]
    found += [f"{path}: empty" for path in METRICS if not read_json(path)]
    for path in Path("plots").rglob("*.png"):
        shape = imread(path).shape[:2]
        if shape < SMALLEST_FIGURE:
            found.append(f"{path}: only {shape} pixels")
    for path in Path("plots").rglob("*.csv"):
        if len(path.read_text().splitlines()) < 2 and path.stem not in TOO_FEW:
            found.append(f"{path}: no rows")
    compared = read_json(layout.metric("analyse", "kinds"))
    draws = DrawsSection.load().groups
    found += [f"kinds: {name}: not compared" for name in draws if name not in compared]
    partial = [str(p) for p in Path().rglob(".partial-*")]
    return found + [f"{name}: left behind" for name in partial]


if __name__ == "__main__":
    problems = faults()
    print("\n".join(problems) or "miniature study: complete")
    sys.exit(bool(problems))
