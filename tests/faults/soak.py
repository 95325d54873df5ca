"""A long run: memory and open files after every image that is segmented and every scan measured.

python -m tests.faults.soak --images FOLDER [--scans 20] [--members 12]

FOLDER holds images of the default size (`**/*_T1w.nii.gz`, a finished study's work/images, say);
they are linked under as many names as are asked for. All members go through one process.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from stages import measure, segment
from stages.study import layout
from stages.study.groups import FULLY_SAMPLED
from tests.fabricated import ROOT

GROUP = "unet"
LARGEST_GROWTH = 0.05  # of resident memory, from the first piece of work to the last ones
MB = 1e6


@dataclass
class Watch:
    """Resident memory (bytes) and open files of this process after each piece of work."""

    process: psutil.Process = field(default_factory=psutil.Process)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Note both."""
        self.memory.append(self.process.memory_info().rss)
        self.files.append(self.process.num_fds())

    def over(self, iterable: Iterable[Any], **_: object) -> Iterator[Any]:
        """Stand in for a progress bar and look after each item."""
        for item in iterable:
            yield item
            self.look()
            if len(self.memory) % 10 == 1:
                print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """Return the last numbers."""
        return f"{len(self.memory)}: {self.memory[-1] / MB:.0f} MB, {self.files[-1]} open files"

    def verdict(self, name: str) -> tuple[str, bool]:
        """Compare the last quarter with the first piece."""
        quarter = max(1, len(self.memory) // 4)
        before, after = self.memory[0], statistics.median(self.memory[-quarter:])
        growth = after / before - 1
        more_files = max(self.files[-quarter:]) - max(self.files[:quarter])
        text = (
            f"{name}: {len(self.memory)} pieces, {before / MB:.0f} MB then {after / MB:.0f} MB"
            f" ({100 * growth:+.1f} %, at most {max(self.memory) / MB:.0f} MB),"
            f" {self.files[0]} open files then {self.files[-1]}"
        )
        return text, growth <= LARGEST_GROWTH and more_files <= 0


def link_images(source: Path, n_scans: int, n_members: int) -> None:
    """Link images under the names of a study in the current directory, the reference too."""
    images = sorted(path.resolve() for path in source.rglob("*_T1w.nii.gz"))
    for group, members in ((GROUP, n_members), (FULLY_SAMPLED.name, 1)):
        for seed in range(members):
            for scan in range(n_scans):
                path = layout.image(group, seed, f"sub-soak{scan:02d}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(images[(seed + scan) % len(images)])


def write_params(n_members: int) -> None:
    """Write the default study's parameters with as many members."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["ensembles"][GROUP] = list(range(n_members))
    params["compute"]["workers"] = 1  # threads that wait for each other on a busy machine
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    Path("weights").symlink_to(ROOT / "weights")


def watched(module: Any, call: Callable[[], None], watch: Watch) -> None:
    """Run a script while its progress bar looks at the process."""
    module.progress = watch.over
    call()


def segment_member(group: str, seed: int) -> None:
    """Run the script of segmentation."""
    sys.argv = ["segment", group, str(seed)]
    segment.main()


def main() -> None:
    """Segment and measure; exit with 1 if memory or the number of open files grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=20)
    parser.add_argument("--members", type=int, default=12)
    options = parser.parse_args()
    source = options.images.resolve()
    segmented, measured = Watch(), Watch()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_params(options.members)
        link_images(source, options.scans, options.members)
        for group, members in ((FULLY_SAMPLED.name, 1), (GROUP, options.members)):
            for seed in range(members):
                watched(segment, lambda g=group, s=seed: segment_member(g, s), segmented)
        watched(measure, lambda: measure.main([GROUP]), measured)
        os.chdir(ROOT)
    verdicts = [segmented.verdict("segment"), measured.verdict("measure")]
    print("\n".join(text for text, _ in verdicts))
    sys.exit(not all(well for _, well in verdicts))


if __name__ == "__main__":
    main()
