"""Every table of plots/: its columns and their units, by the name of its file; see `schema.py`."""

from stages.study.schema import SCORES, Columns, names

_INTERVAL = names("value", "low", "high")

UNITS: dict[str, Columns] = {
    "cv": names("group", "structure", "subject", "n_members")
    | {"mean_mm3": "mm3"}
    | names("cv", "cv_c4", "cv_robust", unit="%"),
    "bias": names("group", "structure", "subject") | {"bias": "%"},
    "correlations": names("group", "scope", "statistic", "n", "pearson", "spearman"),
    "regression": names("group", "predictors", "estimate", "r2"),
    "image_quality": names("group", "range", "slices", "member") | {"psnr": "dB", "ssim": ""},
    "training": names("group", "seed", "step", "loss")
    | {"validation_psnr": "dB", "validation_ssim": ""},
    "inference": names("scope", "statistic", "estimate", "n")
    | _INTERVAL
    | names("n_defined", "p", "p_max_t", "p_bh", "group"),
    "surrogates": names("group", "surrogate", "kind", "cost", "n", "n_left_out", "estimate")
    | _INTERVAL,
    "components": names("group", "structure", "component", "variance")
    | names("cv_percent", "share", unit="%")
    | names("n_scans", "n_members"),
    "power": names("group", "structure", "n_scans", "n_members", "scope")
    | names("cv_percent", "detectable_change_percent", unit="%")
    | names("inflation", "patients_per_arm"),
    "conformal": names("group", "structure", "method", "n", "coverage") | {"width_percent": "%"},
    "calibration": names("group", "structure", "subject", "n_members")
    | {"target_mm3": "mm3"}
    | names("error", "spread", "crps", unit="%")
    | names("below", "equal", "target"),
    "ensemble_size": names("group", "n_members", "n_subsets", "n_cells")
    | names("cv", "cv_c4", "cv_low", "cv_high", "se_subsets", "se", "theory", unit="%"),
    "outliers": names("group", "member")
    | {"psnr": "dB", "ssim": "", "volume": "%"}
    | names("z_psnr", "z_ssim", "z_volume", "flagged")
    | {"cv_without": "%"}
    | names("r2_histogram_target_only", "r2_summary_target_only"),
    "task_error": names("group", "member")
    | {"psnr": "dB", "ssim": "", "variation": "%", "bias": "%"}
    | names("psnr_rank", "ssim_rank", "variation_rank", "bias_rank"),
    "overlap": names("group", "target", "structure", "subject", "scope", "n_members", "n_undefined")
    | SCORES,
    "deformation": names("group", "structure", "subject", "n_members", "n_undefined")
    | names("sd", "mean", "cv", "bias", unit="%"),
    "tasks": names("group", "target", "predictor", "kind", "estimate", "scope", "n") | _INTERVAL,
    "paper": names("quantity", "reported", "here", "tolerance", "match"),
    "pathology": names("group", "kind", "head", "subject", "structure", "n_members")
    | {"target_mm3": "mm3"}
    | names("error", "spread", unit="%")
    | names("in_range", "in_interval")
    | names("true_change", "measured_change", "change_sd", unit="%")
    | names("change_in_interval", "affected", "cv_ratio", "error_ratio"),
}


def columns(name: str) -> list[str]:
    """Return the columns of a table of plots/, in the order of the file."""
    return list(UNITS[name])
