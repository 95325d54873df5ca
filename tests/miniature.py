"""What a finished miniature study must have left; called after its `dvc repro`."""

import sys
from pathlib import Path

import yaml
from matplotlib.image import imread

from stages.storage.files import read_json

METRICS = ("headline", "image_quality", "masks", "noise", "prediction", "segmenter", "volumes")
SMALLEST_FIGURE = (200, 300)  # pixels; a figure below it was cut


def outputs(kind: str) -> list[Path]:
    """Return the files that dvc.yaml lists below a folder."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"].values()
    listed = [out for stage in stages for key in ("outs", "metrics") for out in stage.get(key, [])]
    names = [next(iter(out)) if isinstance(out, dict) else out for out in listed]
    return [Path(name) for name in names if name.startswith(f"{kind}/")]


def faults() -> list[str]:
    """Return what is missing or empty."""
    found = [
        f"{path}: missing" for path in outputs("metrics") + outputs("plots") if not path.exists()
    ]
    found += [f"metrics/{n}.json: empty" for n in METRICS if not read_json(f"metrics/{n}.json")]
    for path in Path("plots").rglob("*.png"):
        shape = imread(path).shape[:2]
        if shape < SMALLEST_FIGURE:
            found.append(f"{path}: only {shape} pixels")
    for path in Path("plots").rglob("*.csv"):
        if len(path.read_text().splitlines()) < 2:
            found.append(f"{path}: no rows")
    partial = [str(p) for p in Path().rglob(".partial-*")]
    return found + [f"{name}: left behind" for name in partial]


if __name__ == "__main__":
    problems = faults()
    print("\n".join(problems) or "miniature study: complete")
    sys.exit(bool(problems))
