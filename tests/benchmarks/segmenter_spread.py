"""Does the spread of a volume over segmentation networks, or over shifts, tell how wrong it is?

python -m tests.benchmarks.segmenter_spread [--phantoms 8]

Digital phantoms that no network has seen are segmented by the bundled network after shifts by up to
half a voxel, by the networks of the folds, and by these after the shifts, one network a shift.
Columns, in percent of the true volume: spread (root mean square of the SD over structures and
phantoms), error (the same of the mean volume), their ratio with the factor sqrt(1 + 1 / M), 1 where
the truth is one more draw (Fortin et al. 2014, doi:10.1175/JHM-D-14-0008.1), fair CRPS (median),
and Spearman's coefficient of SD and |error| over phantoms, mean over structures.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import spearmanr

from stages.machine.progress import progress
from stages.params.segmenter import SegmenterParams
from stages.segmenters.held_out import as_image, combined, scan_head
from stages.segmenters.judgement import HALF_VOXEL, LABELS, merged_sum, merged_volumes
from stages.segmenters.perturbation import draw_offset, shifted
from stages.segmenters.synthseg.folds import weights_of
from stages.segmenters.synthseg.posteriors import NetworkSegmenter
from stages.segmenters.synthseg.weight_files import EMBEDDED, open_segmenter
from stages.statistics.questions.calibration import fair_crps

KINDS = ("shifts", "networks", "shifts and networks")
HEADER = "| draws | n | spread (%) | error (%) | spread / error | CRPS (%) | r |"


class Row(NamedTuple):
    """What is said of one kind of draws."""

    n: int
    spread: float
    error: float
    ratio: float
    crps: float
    rank: float


def row(volumes: np.ndarray, truth: np.ndarray) -> Row:
    """Return how the spread of draws compares with the error of their mean.

    Args:
        volumes: (n_structures, n_phantoms, n_draws), mm3.
        truth: (n_structures, n_phantoms), mm3.
    """
    percent = 100 * volumes / truth[..., None]
    n_draws = volumes.shape[-1]
    spread, error = percent.std(axis=-1, ddof=1), percent.mean(axis=-1) - 100
    wide, wrong = (float(np.sqrt(np.mean(np.square(each)))) for each in (spread, error))
    ranks = [spearmanr(*pair).statistic for pair in zip(spread, np.abs(error), strict=True)]
    crps = float(np.median(fair_crps(percent, np.full(truth.shape, 100.0))))
    ratio = wide * float(np.sqrt(1 + 1 / n_draws)) / wrong
    return Row(n_draws, wide, wrong, ratio, crps, float(np.mean(ranks)))


def networks(n: int) -> Iterator[NetworkSegmenter]:
    """Yield the bundled network, then those of the folds."""
    for weights in (EMBEDDED, *(str(weights_of(number)) for number in range(n))):
        yield open_segmenter(weights, "standard", torch.device("cpu"), fast=False)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=8)
    options = parser.parse_args(arguments)
    params = SegmenterParams.load()
    bundled, *others = networks(params.folds.judged)
    found = np.empty((len(KINDS), len(LABELS), options.phantoms, len(others)))
    truth = np.empty((len(LABELS), options.phantoms))
    for number in progress(range(options.phantoms), desc="phantoms", unit="head"):
        phantom = scan_head(params.quality, number)
        image = as_image(combined(phantom.kspace), params.quality.voxel_size_mm)
        truth[:, number] = [merged_sum(phantom.volumes, label) for label in LABELS]
        rng = np.random.default_rng(number)
        for draw, network in enumerate(others):
            moved = shifted(image, draw_offset(HALF_VOXEL, rng))
            for kind, (by, of) in enumerate(((bundled, moved), (network, image), (network, moved))):
                found[kind, :, number, draw] = merged_volumes(by.segment_image(of), by.model.labels)
    print(HEADER)
    print("|---" * HEADER.count("| ") + "|")
    for name, volumes in zip(KINDS, found, strict=True):
        n, *values = row(volumes, truth)
        print(f"| {name} | {n} | {' | '.join(f'{value:.2f}' for value in values)} |")


if __name__ == "__main__":
    main()
