"""Results of a study that was never run: what the HTML report is written from, with any outcome."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stages.figures.kit.facts import Facts
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.report import ReportParams
from tests.fabricated import ROOT

STRUCTURES = ("hippocampus", "putamen")
SUBJECTS = ("sub-a", "sub-b", "sub-c", "sub-d", "sub-e")
CV = {"unet": 2.0, "varnet": 1.0, "rim": 1.5}
BIAS = {
    "unet": {"hippocampus": -8.0, "putamen": 2.0},
    "varnet": {"hippocampus": 1.0, "putamen": -3.0},
    "rim": {"hippocampus": 0.5, "putamen": 0.5},
}
NOISE_BIAS = {"hippocampus": 0.1, "putamen": -0.2}
WITHIN = {"r": 0.1, "low": -0.6, "high": 0.7, "p": 0.5}


def slope(r: dict[str, float]) -> dict[str, Any]:
    """Return the primary endpoint of an architecture, as large as a correlation."""
    known = {"value" if key == "r" else key: value for key, value in r.items()}
    adjusted = {"family": "primary", "adjusted": known["p"]} if "p" in known else {}
    return {"cv": {"std_mean": {"within": known | adjusted}}}


def relation(r: float) -> dict[str, float]:
    """Return a correlation with its interval."""
    return {"r": r, "low": r - 0.1, "high": r + 0.1}


def metrics() -> dict[str, Any]:
    """Return metrics of three architectures; no prediction is statistically significant."""
    groups = tuple(CV)
    quality = {g: {"psnr": {"mean": 30.0}, "ssim": {"mean": 0.9}} for g in (*groups, "zero_filled")}
    ceiling = {"between_halves": {"value": 0.6, "low": 0.4, "high": 0.8}}
    surrogate = {"cost": "images", "pooled_r2": 0.1, "disjoint": {"pooled": relation(0.1)}}
    best = surrogate | {"cost": "one segmentation", "disjoint": {"pooled": relation(0.5)}}
    volume = {"cost": "the volume itself", "disjoint": {"pooled": relation(-0.8)}}
    report = {"leave_one_subject_out": -0.2, "wrong_subject": {"mean": 0.45, "p95": 0.55}}
    return {
        "volumes": {
            **{g: volumes(g) for g in groups},
            "noise": {"cv": {"median": 0.2}, **biased(NOISE_BIAS, 0.05)},
        },
        "image_quality": quality,
        "inference": {
            g: {
                "pearson": {"within_structure": WITHIN | {"r": 0.9}},
                "split_half_prediction": {"disjoint": {"within_structure": WITHIN}},
                "noise_ceiling": {"pooled": ceiling, "within_structure": ceiling},
            }
            for g in groups
        },
        "slopes": {g: slope(WITHIN) for g in groups},
        "prediction": {
            g: {
                "r2": {"histogram": 0.4, "summary": 0.5},
                "controls": {
                    "histogram": report,
                    "structure_only": 0.7,
                    "volume_only": {"in_sample": 0.6},
                },
            }
            for g in groups
        },
        "surrogates": {
            g: {"volume": volume, "std_mean": surrogate, "linearised_volume": best} for g in groups
        },
        "ensemble_size": {
            g: {"relative_se": 40.0, "needed": {"theory": {"20_percent": 14.0}}} for g in groups
        },
        "outliers": {g: {"members": 4, "flagged": 0} for g in groups},
        "paper": {"cohort": "simulated", "verdict": "simulated cohort: not comparable", "n": {}},
    }


def volumes(group: str, cv_reach: float = 0.2, bias_reach: float = 0.4) -> dict[str, Any]:
    """Return variability and bias of an architecture, all intervals as wide as told."""
    own = CV[group]
    cv = {"median": own, "low": own - cv_reach, "high": own + cv_reach}
    others = [name for name in CV if name != group]
    size = {name: float(np.median(np.abs(list(b.values())))) for name, b in BIAS.items()}
    return {
        "cv": cv,
        **biased(BIAS[group], bias_reach),
        "cv_difference": {name: around(own - CV[name], cv_reach) for name in others},
        "absolute_bias_difference": {
            name: around(size[group] - size[name], bias_reach) for name in others
        },
    }


def biased(bias: dict[str, float], reach: float) -> dict[str, Any]:
    """Return the leaves of biases whose intervals reach so far."""
    size = float(np.median(np.abs(list(bias.values()))))
    return {
        "bias": bias,
        "absolute_bias": {"median": size, "low": size - reach, "high": size + reach},
        "mean_bias": {name: around(value, reach) for name, value in bias.items()},
    }


def around(value: float, reach: float) -> dict[str, float]:
    """Return a value with its interval."""
    return {"value": value, "low": value - reach, "high": value + reach}


def facts(tree: dict[str, Any] | None = None, groups: tuple[str, ...] = tuple(CV)) -> Facts:
    """Return the results as the report reads them; `tree` takes the place of the metrics."""
    cells = [(g, s, k) for g in groups for k in STRUCTURES for s in SUBJECTS]
    cv = pd.DataFrame(cells, columns=["group", "subject", "structure"])
    outliers = pd.DataFrame(
        [(g, m, 30.0, 0.9, 1.0, 0.5, False, CV[g] + 0.01 * m) for g in groups for m in range(4)],
        columns=["group", "member", "psnr", "ssim", "volume", "z_psnr", "flagged", "cv_without"],
    )
    params = AnalyseParams.load(ROOT / "params.yaml").model_copy(
        update={"structures": STRUCTURES, "bootstrap_draws": 100}
    )
    seeds = dict.fromkeys((*groups, "noise"), (0, 1, 2, 3))
    ensembles = EnsembleParams.model_validate(seeds | {"baselines": ("zero_filled",)})
    return Facts(
        metrics=metrics() if tree is None else tree,
        ensembles=ensembles,
        subject_of=dict(zip(SUBJECTS, SUBJECTS, strict=True)),
        params=params,
        report=ReportParams(architecture="rim", n_members=3, n_scans=None),
        cv=cv.assign(cv=cv["group"].map(CV)),
        bias=cv.assign(bias=[BIAS[g][k] for g, _, k in cells]),
        outliers=outliers,
    )


def within(**changes: dict[str, float | None]) -> Facts:
    """Return the results with other correlations within structures; None leaves a value out."""
    tree = metrics()
    for group, change in changes.items():
        known = {key: v for key, v in (WITHIN | change).items() if v is not None}
        found = {"disjoint": {"within_structure": known}}
        tree["inference"][group]["split_half_prediction"] = found
        tree["slopes"][group] = slope(known)
    return facts(tree)


def without(*files: str) -> Facts:
    """Return the results without some metrics files and without any table."""
    tree = {name: part for name, part in metrics().items() if name not in files}
    found = facts(tree)
    empty = {name: getattr(found, name).iloc[:0] for name in ("cv", "bias", "outliers")}
    return replace(found, **empty)
