"""Printed names of groups, structures, scopes and surrogates: the one table of each.

What is not listed is printed as its key, `new_model` as `New model`, so that a new structure,
surrogate or group needs no entry.
"""

from stages.measures.scores.catalogue import SCORES

GROUPS = {
    "unet": "UNet",
    "varnet": "VarNet",
    "rim": "RIM",
    "noise": "Noise",
    "zero_filled": "Zero-filled",
    "compressed_sensing": "Compressed sensing",
    "swag": "SWAG",
}
STRUCTURES = {
    "white_matter": "Cerebral white matter",
    "cortex": "Cerebral cortex",
    "third_ventricle": "3rd ventricle",
    "fourth_ventricle": "4th ventricle",
    "csf": "Cerebrospinal fluid",
    "ventral_dc": "Ventral diencephalon",
}
PARCEL = "ctx_"  # what the name of a parcel of the cortex begins with
SCOPES = {
    "per_structure_mean": "Mean over structures",
    "pooled": "Pooled",
    "within_structure": "Within structures",
}
SURROGATES = {
    "volume": "ln volume (no uncertainty)",
    "std_mean": "voxelwise SD, mean",
    "std_median": "voxelwise SD, median",
    "std_p95": "voxelwise SD, 95th percentile",
    "gain_normalised_std_mean": "voxelwise SD without gains, mean",
    "noise_map_sd": "SD under the scan's noise, mean",
    "sigma_over_gradient": "edge shift, SD / |gradient|",
    "linearised_volume": "linearised volume",
    "one_minus_dice": "1 − pairwise Dice",
    "vote_entropy": "vote entropy",
    "surface_distance": "surface distance",
    "cv": "CV of the volume",
}
IN_SENTENCES = {
    "volume": "the size of the volume itself",
    "std_mean": "the mean voxelwise SD",
    "std_median": "the median voxelwise SD",
    "std_p95": "the 95th percentile of the voxelwise SD",
    "gain_normalised_std_mean": "the mean voxelwise SD without gains",
    "noise_map_sd": "the mean SD under the scan's own noise",
    "sigma_over_gradient": "the shift of edges (SD over gradient)",
    "linearised_volume": "the volume's first-order change",
    "one_minus_dice": "1 − Dice between members",
    "vote_entropy": "the entropy of the members' votes",
    "surface_distance": "the distance of the members' surfaces",
    "cv": "the volume's own CV",
}
"""Surrogates, where a sentence names them."""

SCORES_OF_SLICES = {"psnr": "PSNR", "ssim": "SSIM"}


def title(name: str) -> str:
    """Return the printed name of a group, a structure or a scope."""
    known = GROUPS | STRUCTURES | SCOPES
    if name.startswith(PARCEL):
        return f"Cortex, {name.removeprefix(PARCEL)}"
    return known.get(name) or name.replace("_", " ").capitalize()


def surrogate_label(name: str) -> str:
    """Return the label of a surrogate in a figure."""
    return SURROGATES.get(name) or title(name)


def surrogate_phrase(name: str) -> str:
    """Return a surrogate as a sentence names it."""
    return IN_SENTENCES.get(name) or title(name)


def score_title(name: str) -> str:
    """Return the printed name of a score of image quality."""
    return SCORES[name].title if name in SCORES else SCORES_OF_SLICES.get(name) or title(name)
