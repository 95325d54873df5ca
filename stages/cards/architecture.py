"""The card of one ensemble of networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.cards.markdown import render
from stages.cards.release import LINE
from stages.figures.kit.titles import title
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.params.train import TrainParams
from stages.statistics.questions.training import COLUMNS, SCORES
from stages.study import layout

RULES = {
    "last": "after the last step",
    "best_psnr": "after the step with the best PSNR on the monitor scans",
    "best_ssim": "after the step with the best SSIM on the monitor scans",
}
"""What `train.<architecture>.keep` says."""
TEXTS = {  # DIRECT's name of the network: what it is, in words; `architecture.md.j2` has the rest
    "unet.unet_2d.Unet2d": "unet.md.j2",
    "varnet.varnet.EndToEndVarNet": "varnet.md.j2",
    "rim.rim.RIM": "rim.md.j2",
}
GENERIC = "network.md.j2"
SUMMARY = {"median", "low", "high"}
"""Keys of `cv` and the like that are no structures."""


@dataclass(frozen=True)
class Study:
    """What all cards state of the study."""

    data: DataParams
    mask: MaskParams
    matrices: pd.DataFrame
    """Columns split, n_slices, n_ky, n_kz, n_scans."""
    cohort: str
    """`simulated`, `calgary-campinas` or `other`."""
    metrics: Mapping[str, Mapping[str, Any]]
    """Metrics file without folder and suffix -> its content."""
    curves: pd.DataFrame
    """plots/analyse/training.csv."""
    kept: pd.DataFrame
    """plots/analyse/kept.csv: scores of the weights that the members have."""

    @property
    def scans(self) -> dict[str, list[dict[str, Any]]]:
        """Sizes and numbers of scans, split by split."""
        return {
            str(split): part.to_dict("records") for split, part in self.matrices.groupby("split")
        }


def final(curves: pd.DataFrame) -> dict[str, float | None]:
    """Return the last recorded value of each curve, its mean over members.

    Args:
        curves: columns seed, step and `COLUMNS`; empty where nothing was recorded at a step.

    Returns:
        `COLUMNS`; None where no member has a curve.
    """
    last = curves.sort_values("step").groupby("seed")[list(COLUMNS)].last()
    return {name: None if last[name].isna().all() else float(last[name].mean()) for name in COLUMNS}


def scores(kept: pd.DataFrame) -> dict[str, Any]:
    """Return steps (ascending, each once) and mean scores of the kept weights of an ensemble.

    Args:
        kept: columns step and `SCORES`, a row a member.

    Returns:
        `steps` and `SCORES`; None for scores where no member was trained here.
    """
    means = {name: float(kept[name].mean()) if len(kept) else None for name in SCORES}
    return {"steps": sorted({int(step) for step in kept["step"]}), **means}


def by_structure(volumes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row a structure of one group: title, cv, bias, bias_truth; None where undefined."""
    kinds = ("cv", "bias", "bias_truth")
    names = [name for kind in kinds for name in volumes.get(kind, {}) if name not in SUMMARY]
    return [
        {"title": title(name), **{k: volumes.get(k, {}).get(name) for k in kinds}}
        for name in dict.fromkeys(names)
    ]


def architecture_card(
    name: str, seeds: tuple[int, ...], params: TrainParams, n_parameters: int, study: Study
) -> str:
    """Return the card of an ensemble as Markdown.

    Args:
        name: key of section `train`.
        seeds: of its members.
        params: its part of section `train`.
        n_parameters: of one member.
        study: what all cards state.
    """
    return render(
        "architecture.md.j2",
        name=name,
        heading=title(name),
        release=LINE,
        folder=layout.model(name, seeds[0]),
        scans=layout.DATA / study.data.validation,
        text=TEXTS.get(params.model, GENERIC),
        seeds=seeds,
        params=params,
        n_parameters=n_parameters,
        adopted=[seed for seed in seeds if seed in params.pretrained],
        study=study,
        acceleration=study.metrics["masks"]["acceleration"],
        quality=study.metrics["image_quality"][name],
        baseline=study.metrics["image_quality"].get("zero_filled", {}),
        noise=study.metrics["volumes"].get("noise", {}).get("cv", {}).get("median"),
        cv=study.metrics["volumes"][name].get("cv", {}).get("median"),
        structures=by_structure(study.metrics["volumes"][name]),
        final=final(study.curves[study.curves["group"] == name]),
        rule=RULES[params.keep],
        kept=scores(study.kept[study.kept["group"] == name]),
    )
