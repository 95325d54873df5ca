"""What the templates of the documentation ask of the metrics: numbers, their words, and claims.

A claim is computed: a template writes the sentence that holds, not the one that once held.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.figures.kit.titles import IN_SENTENCES, SURROGATES, score_title
from stages.page.answers.plan_table import plan_table
from stages.provenance import publication
from stages.statistics.questions.thickness import blocks
from stages.study import layout

NETWORKS = {"unet": "UNet", "varnet": "VarNet", "rim": "RIM"}
ALPHA = 0.05  # significance level of the analysis plan
WITHIN = "within_structure"
IMAGES_ONLY = ("std_mean", "std_median", "std_p95", "gain_normalised_std_mean")
"""Predictors that need no segmentation of an accelerated image but where a structure is."""
SLOPES = tuple(name for name in IN_SENTENCES if name not in ("volume", "cv"))
FURTHER = ("kinds", "thickness", "image_scores")
"""Answers of stage `analyse` that a study may have or not."""
OTHERS = {
    "headline": "headline.json",
    "other": "other_segmenter.json",
    "mask": "mask/masks.json",
    "segmenter": "segmenter-quality/segmenter.json",
    "folds": "segmenter-folds/maps.json",
    "atlas": "atlas-quality/atlas.json",
    "atlas_maps": "atlas-quality/atlas_maps.json",
}
WORDS = ("no", "one", "two", "three", "four", "five", "six")
WORDS += ("seven", "eight", "nine", "ten", "eleven", "twelve")

Leaf = Mapping[str, Any]


def study(root: Path) -> dict[str, Any]:
    """Return the metrics of a study by name, None for each of `FURTHER` that it does not have.

    Args:
        root: of a study, or the folder of a published one.
    """
    metrics = root / layout.METRICS
    paths = {path.stem: path for path in sorted((metrics / "analyse").glob("*.json"))}
    paths |= {name: metrics / path for name, path in OTHERS.items()}
    paths |= {"manifest": root / publication.MANIFEST}
    found = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.is_file()
    }
    plan = plan_table(found, found["slopes"]["unet"]["n"]["subjects"], ALPHA)
    rows = plan.to_dict("records")
    return dict.fromkeys(FURTHER) | found | {"votes": _votes(root), "plan": rows}


def accelerated(folder: Path) -> dict[int, dict[str, Any]]:
    """Return acceleration -> study of a folder of published studies, `R5`, the lowest first."""
    found = {int(path.name.removeprefix("R")): study(path) for path in folder.glob("R*")}
    return dict(sorted(found.items()))


def _votes(root: Path) -> dict[str, dict[str, float]]:
    """Return how vote entropy ranks with 1 - Dice, by network: a table has it, no metric."""
    with open(root / layout.PLOTS / "analyse/tasks.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    chosen = {"target": "dice_loss", "predictor": "vote_entropy", "scope": WITHIN}
    return {
        row["group"]: {key: float(row[key]) for key in ("value", "low", "high")}
        for row in rows
        if all(row[key] == value for key, value in chosen.items())
    }


def answer_to(question: str, plan: Sequence[Mapping[str, str]]) -> str:
    """Return a study's answer to a question of the plan; a dash where it did not ask."""
    return next((row["answer"] for row in plan if row["question"] == question), "–")


def is_answered(row: Mapping[str, str]) -> bool:
    """Return whether a row of the plan's table is an answer."""
    return row["answer"].startswith("yes")


def is_answered_by(question: str, plan: Sequence[Mapping[str, str]]) -> bool:
    """Return whether a study answers a question of the plan."""
    return any(row["question"] == question and is_answered(row) for row in plan)


def fixed(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals; what is 0 has neither sign nor decimals."""
    text = f"{float(value):.{digits}f}"
    if value == 0:
        return "0"
    return text.removeprefix("-") if float(text) == 0 else text


def ends(leaf: Leaf, digits: int = 2) -> str:
    """Return an interval, `0.1 to 0.3`."""
    if not {"low", "high"} <= set(leaf):
        return "no interval"
    return f"{fixed(leaf['low'], digits)} to {fixed(leaf['high'], digits)}"


def estimate(leaf: Leaf, digits: int = 2, of_ends: int | None = None) -> str:
    """Return a value and its interval, `0.2 (0.1 to 0.3)`."""
    keys = ("value", "median", "mean", "r", "r2", "spearman")
    value = next(leaf[key] for key in keys if key in leaf)
    return f"{fixed(value, digits)} ({ends(leaf, digits if of_ends is None else of_ends)})"


def between(values: Iterable[float], digits: int = 2) -> str:
    """Return the lowest and the highest of some values, `0.1 to 0.3`; one where both are equal."""
    known = sorted(values)
    low, high = fixed(known[0], digits), fixed(known[-1], digits)
    return low if low == high else f"{low} to {high}"


def word(n: float) -> str:
    """Return a small number in words, another in digits."""
    return WORDS[int(n)] if n == int(n) and 0 < n < len(WORDS) else f"{n:g}"


def excludes(leaf: Leaf, value: float = 0.0) -> bool:
    """Return whether an interval is known and does not include a value."""
    known = {"low", "high"} <= set(leaf)
    return known and not leaf["low"] <= value <= leaf["high"]


class Difference(NamedTuple):
    """A difference between two networks, in percentage points."""

    pair: str
    of: str
    leaf: Leaf

    def __str__(self) -> str:
        return f"{self.of} {self.pair} {estimate(self.leaf, 1)}"


def apart(volumes: Mapping[str, Any]) -> list[Difference]:
    """Return the differences between networks whose intervals exclude 0."""
    names = list(NETWORKS)
    every = [
        Difference(f"{NETWORKS[a]} \N{MINUS SIGN} {NETWORKS[b]}", of, volumes[a][key][b])
        for key, of in (("cv_difference", "CV"), ("absolute_bias_difference", "bias"))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    return [each for each in every if excludes(each.leaf)]


def order(volumes: Mapping[str, Any]) -> list[str]:
    """Return the networks from the lowest median CV to the highest."""
    return sorted(NETWORKS, key=lambda name: volumes[name]["cv"]["median"])


def primary(slopes: Mapping[str, Any]) -> dict[str, Leaf]:
    """Return the primary endpoint of each network."""
    return {name: slopes[name]["cv"]["std_mean"]["within"] for name in NETWORKS}


class Slope(NamedTuple):
    """The slope within structures of a network's CV or bias on a predictor."""

    network: str
    predictor: str
    leaf: Leaf

    @property
    def is_sd(self) -> bool:
        """Whether the predictor is a standard deviation of images, without a segmentation."""
        return self.predictor in IMAGES_ONLY


def tested_slopes(slopes: Mapping[str, Any], target: str) -> list[Slope]:
    """Return all slopes within structures that have an adjusted p."""
    return [
        Slope(network, name, tree["within"])
        for network in NETWORKS
        for name, tree in slopes[network][target].items()
        if isinstance(tree, dict) and "adjusted" in tree.get("within", {})
    ]


def significant_slopes(slopes: Mapping[str, Any], target: str) -> list[Slope]:
    """Return the slopes within structures that are significant and positive."""
    return [
        each
        for each in tested_slopes(slopes, target)
        if each.leaf["adjusted"] < ALPHA and each.leaf["value"] > 0
    ]


def in_every_network(slopes: Mapping[str, Any], target: str) -> list[str]:
    """Return the predictors whose slope is significant in every network, as sentences name them."""
    found = significant_slopes(slopes, target)
    networks = {name: {each.network for each in found if each.predictor == name} for name in SLOPES}
    return [IN_SENTENCES[name] for name, having in networks.items() if having == {*NETWORKS}]


def rejected(leaves: Mapping[str, Leaf]) -> list[str]:
    """Return the keys whose test is significant, adjusted for the others of its family."""
    return [key for key, leaf in leaves.items() if leaf.get("adjusted", leaf.get("p", 1)) < ALPHA]


def predicted(leaves: Mapping[str, Leaf]) -> list[str]:
    """Return the keys of `rejected` whose slope is positive."""
    return [key for key in rejected(leaves) if leaves[key]["value"] > 0]


def adjusted(leaves: Mapping[str, Leaf]) -> str:
    """Return the adjusted p-values of networks, `UNet 0.20, VarNet 0.51`."""
    known = {key: leaf["adjusted"] for key, leaf in leaves.items() if "adjusted" in leaf}
    return ", ".join(f"{NETWORKS[key]} {fixed(p, 3)}" for key, p in known.items())


def reach(leaves: Mapping[str, Leaf]) -> list[float]:
    """Return how far from 0 an estimate must be for its interval not to include 0."""
    known = [leaf for leaf in leaves.values() if {"low", "high"} <= set(leaf)]
    return [(leaf["high"] - leaf["low"]) / 2 for leaf in known]


def can_reject(slopes: Mapping[str, Any]) -> bool:
    """Return whether the least p, adjusted for as many networks, is below the level."""
    least = min(slopes[name]["permutations"]["least_p"] for name in NETWORKS)
    return bool(least * len(NETWORKS) < ALPHA)


def extreme(structures: Mapping[str, Leaf], key: str) -> tuple[str, float]:
    """Return the structure with the lowest value, as it is printed, and the value."""
    name = min(structures, key=lambda each: structures[each][key])
    return printed(name), structures[name][key]


def printed(structure: str) -> str:
    """Return the name of a structure in a sentence."""
    return "CSF" if structure == "csf" else structure.replace("_", " ")


class Predictor(NamedTuple):
    """A group's predictor of |bias|."""

    group: str
    of: str
    """The network that draws are of; the group itself where it is an ensemble."""
    name: str
    scopes: Mapping[str, Leaf]

    def __str__(self) -> str:
        title = "mean voxelwise SD" if self.name == "sd" else SURROGATES[self.name]
        if self.group == "noise":
            return f"{title} between noise realisations"
        if self.of != self.group:
            return f"{title} between `{self.group}` of one {NETWORKS.get(self.of, self.of)}"
        group = f"the {NETWORKS[self.group]}" if self.group in NETWORKS else f"`{self.group}`"
        return f"{title} between members of {group}"

    @property
    def leaf(self) -> Leaf:
        """Return its R^2 within structures."""
        return self.scopes[WITHIN]


def predictors(kinds: Mapping[str, Any], target: str) -> list[Predictor]:
    """Return the predictors of one target, the largest R^2 within structures first."""
    every = [
        Predictor(group, leaves.get("of", group).partition("/")[0], name, scopes)
        for group, leaves in kinds.items()
        for name, scopes in leaves.get("predicts", {}).get(target, {}).items()
        if name != "noise_ceiling" and "r2" in scopes.get(WITHIN, {})
    ]
    return sorted(every, key=lambda each: -each.leaf["r2"])


def scores_of(answer: Mapping[str, Any]) -> dict[str, Leaf]:
    """Return the scores of images that were compared with errors of one target."""
    return {
        name: leaf for name, leaf in answer.items() if isinstance(leaf, dict) and "spearman" in leaf
    }


def without(leaves: Mapping[str, Leaf], value: float) -> list[str]:
    """Return the keys of intervals that do not include a value."""
    return [key for key, leaf in leaves.items() if excludes(leaf, value)]


def of_networks(keys: Iterable[str]) -> list[str]:
    """Return the printed names of networks."""
    return [NETWORKS[key] for key in keys]


def narrow_leaves(headline: Mapping[str, Any]) -> list[str]:
    """Return what the headline has of networks beside PSNR and SSIM, `CV of the RIM`."""
    return [
        f"{'CV' if leaf == 'cv' else leaf} of the {NETWORKS[name]}"
        for name in NETWORKS
        for leaf in headline.get(name, {})
        if leaf not in ("psnr", "ssim")
    ]


def r2_of(prediction: Mapping[str, Any]) -> tuple[list[float], list[float], list[float]]:
    """Return all R^2 in sample: of the SD, of another subject's (mean), of the volume's size."""
    own, others, sizes = [], [], []
    for name in NETWORKS:
        controls = prediction[name]["controls"]
        for kind, value in prediction[name]["r2"].items():
            own.append(value)
            others.append(controls[kind]["wrong_subject"]["mean"])
        sizes.append(controls["volume_only"]["in_sample"])
    return own, others, sizes


def best_r2(answer: Mapping[str, Any]) -> tuple[float, float]:
    """Return a network's largest R^2 in sample and, of the same predictors, another subject's."""
    kind = max(answer["r2"], key=lambda each: answer["r2"][each])
    return answer["r2"][kind], answer["controls"][kind]["wrong_subject"]["mean"]


def halves(surrogates: Mapping[str, Any], name: str) -> list[Leaf]:
    """Return the correlations of a surrogate of one half of the members with the other's CV."""
    return [surrogates[group][name]["disjoint"]["pooled"] for group in NETWORKS]


def ranks_of(task_error: Mapping[str, Any]) -> dict[str, Leaf]:
    """Return the rank correlations of PSNR and SSIM with variability and bias, by their names."""
    return {
        f"{score_title(measure)} with {error}": task_error["all"][measure][error]["within"]
        for measure in ("psnr", "ssim")
        for error in task_error["all"][measure]
    }


def task_ranks(tasks: Mapping[str, Any], task: str) -> list[Leaf]:
    """Return how the mean SD of each network ranks with another task, within structures."""
    return [tasks[name][task]["std_mean"][WITHIN] for name in NETWORKS]


def agreements(deformation: Mapping[str, Any]) -> tuple[dict[str, Leaf], dict[str, Leaf]]:
    """Return how SD of the deformation ranks with CV: of all pairs, and within structures."""
    found = {name: deformation[name]["agreement"]["cv"] for name in NETWORKS}
    pooled, within = (
        {name: leaf[scope] for name, leaf in found.items()} for scope in ("pooled", WITHIN)
    )
    return pooled, within


def noise_errors(mean: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return structures and the size of their mean deformation, the largest first."""
    sizes = [(printed(name), abs(value)) for name, value in mean.items() if name != "median"]
    return sorted(sizes, key=lambda each: -each[1])


def more_than_noise(volumes: Mapping[str, Any]) -> list[str]:
    """Return of what every network has more than noise alone, in the median."""
    keys = {"cv": "variability", "absolute_bias": "bias"}
    return [
        word
        for key, word in keys.items()
        if all(volumes[name][key]["median"] > volumes["noise"][key]["median"] for name in NETWORKS)
    ]


def by_network(tree: Mapping[str, Any], measure: str, digits: int = 1) -> str:
    """Return the mean of a measure of image quality of each network, `27.5, 29.7, 31.0`."""
    return ", ".join(fixed(tree[name][measure]["mean"], digits) for name in NETWORKS)


def outside(calibration: Mapping[str, Any]) -> str:
    """Return how often, in percent, the reference is outside all members, lowest and highest."""
    found = [calibration["reference"][name]["outside"]["value"] for name in NETWORKS]
    return between([percent(value) for value in found], 0)


def by_key(key: str, tree: Mapping[str, Any]) -> object:
    """Return what a tree has below a key."""
    return tree[key]


def percent(fraction: float) -> float:
    """Return a fraction in percent."""
    return 100 * fraction


def regions(leaf: Leaf) -> int:
    """Return how many blocks of the cortex the medians of thickness are over."""
    return len(blocks([name for name in leaf if name not in ("median", "low", "high")]))


def listed(names: Sequence[object], last: str = "and") -> str:
    """Return `A, B and C`."""
    texts = [str(name) for name in names]
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}" if len(texts) > 1 else "".join(texts)
