"""What every column of the study's tables holds, in words: the one table of them.

`schema.py` and the questions of the statistics say which columns there are; this module is for
readers, and apart from both so that no other word of it measures anything again. A column means
the same in all tables but those of `SPECIAL`. Ends of intervals, `<column>_low` and
`<column>_high`, need no entry. A test demands a description of every column.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

WHITE_MATTER = "median intensity of white matter in the reference image"
PERCENT, MM, MM3, DB = "%", "mm", "mm^3", "dB"
UNITS = {"white matter": WHITE_MATTER, "mm3": MM3}
"""Units of `schema.py` that are written otherwise in a JSON file."""


@dataclass(frozen=True)
class Column:
    """A column as BIDS describes it."""

    description: str
    """A sentence."""

    unit: str = ""
    """Empty for names, counts and what has no dimension."""

    levels: Mapping[str, str] = field(default_factory=dict)
    """Value -> what it means, of columns with few values."""


ENDS = {"_low": "Lower", "_high": "Upper"}
HALVES = {"a": "members at even positions", "b": "members at odd positions"}
KINDS = {
    "0": "the volume itself, a baseline",
    "A": "images",
    "B": "images and one segmentation",
    "C": "all segmentations",
}
REFERENCE_OR_TRUTH = {
    "reference": "the fully sampled scan",
    "truth": "the simulated truth",
}
OVER_STRUCTURES = {
    "pooled": "all structure-scan pairs",
    "within_structure": "all pairs, centred per structure",
}
SCOPES = OVER_STRUCTURES | {
    "per_structure_mean": "mean over structures of the correlations over scans",
    "two_way": "all pairs, centred per structure and per scan",
}
PREDICTORS = {
    "histogram": "fractions of voxels in the bins of the histogram of the SD",
    "summary": "summaries of the SD",
    "structure_only": "the name of the structure",
    "volume_only": "ln of the mean volume",
}
R2 = {
    "in_sample": "in sample",
    "adjusted": "adjusted for the number of predictors",
    "leave_one_subject_out": "of left-out subjects",
    "leave_one_structure_out": "of left-out structures",
    "within_structure": "centred per structure",
    "log_target": "of ln of the target, in sample",
    "beside_volume": "of what ln volume leaves unexplained",
    "beside_volume_within": "the same, centred per structure",
    "wrong_subject_mean": "by the predictors of another subject, mean over exchanges",
    "wrong_subject_p95": "by the predictors of another subject, 95th percentile",
    "wrong_subject_within_mean": "the same mean, centred per structure",
    "wrong_subject_within_p95": "the same percentile, centred per structure",
    "random_structure_mean": "by numbers drawn for each structure, mean",
    "random_structure_p95": "by numbers drawn for each structure, 95th percentile",
    "global_edges": "by histograms between common edges",
}

SCORES = {
    "psnr": "peak signal-to-noise ratio, dB; higher is better",
    "ssim": "structural similarity; higher is better",
    "nmse": "normalised mean square error; lower is better",
    "haarpsi": "Haar wavelet-based perceptual similarity index; higher is better",
    "vif": "visual information fidelity in the pixel domain; higher is better",
    "gmsd": "gradient magnitude similarity deviation; lower is better",
    "cnr": "contrast-to-noise ratio of grey and white matter; higher is better",
    "cjv": "coefficient of joint variation of grey and white matter; lower is better",
    "efc": "entropy focus criterion; lower is better",
}

COLUMNS = {
    # which row it is
    "group": Column("Name of the group: images of the same scans by the same means."),
    "member": Column("Number of the member within its group, its seed if it was trained here."),
    "seed": Column("Seed of the member."),
    "subject": Column("Label of the scan, `sub-` and the letters and digits of its name."),
    "structure": Column("Structure of the brain, left and right together."),
    "draw": Column("Number of the shifted copy that was segmented."),
    "half": Column("Half of the members.", levels=HALVES),
    "kind": Column("What a predictor is computed from.", levels=KINDS),
    "surrogate": Column("Name of the measure of uncertainty, or `volume` for the size itself."),
    "predictor": Column("Name of the measure of uncertainty."),
    "target": Column("What is compared with, or predicted.", levels=REFERENCE_OR_TRUTH),
    "scope": Column("Pairs that a number is of: a structure over scans, or one of the levels."),
    "score": Column("Score of image quality.", levels=SCORES),
    "statistic": Column("Summary of the voxelwise SD over the voxels of a structure."),
    "estimate": Column("Kind of the number in the row."),
    "step": Column("Step of the training.", "steps"),
    # counts
    "n": Column("Structure-scan pairs that the number is of."),
    "n_left_out": Column("Pairs left out for want of a positive value or target."),
    "n_members": Column("Members."),
    "n_pairs": Column("Structure-scan pairs."),
    "n_scans": Column("Scans."),
    "n_subjects": Column("Subjects."),
    "n_undefined": Column("Members without a value."),
    "n_voxels": Column("Voxels of the region."),
    "n_subsets": Column("Subsets of the members that were looked at."),
    # volumes, images and label maps
    "volume_mm3": Column("Volume of the structure.", MM3),
    "mean_mm3": Column("Mean volume over members.", MM3),
    "left_mm3": Column("Volume of the left part.", MM3),
    "right_mm3": Column("Volume of the right part.", MM3),
    "reference_mm3": Column("Volume in the fully sampled scan.", MM3),
    "target_mm3": Column("Volume of the target.", MM3),
    "region": Column("Region of the cerebral cortex: all, a hemisphere, or a block of either."),
    "thickness_mm": Column("Mean thickness over the surface of the region.", MM),
    "psnr": Column("Peak signal-to-noise ratio against the fully sampled image.", DB),
    "ssim": Column("Structural similarity to the fully sampled image, at most 1."),
    "dice": Column("Dice coefficient with the target, 0 to 1."),
    "surface_distance_mm": Column("Mean symmetric surface distance from the target.", MM),
    "hausdorff95_mm": Column("95 % Hausdorff distance from the target.", MM),
    "reason": Column("Why a value is undefined; n/a where it is not."),
    # variability and bias
    "cv": Column("Coefficient of variation of the volume over members, ddof = 1.", PERCENT),
    "cv_c4": Column("The CV, corrected for the number of members.", PERCENT),
    "cv_robust": Column("CV by the median absolute deviation.", PERCENT),
    "cv_percent": Column("Coefficient of variation.", PERCENT),
    "bias": Column("Mean difference of the members from the reference, relative to it.", PERCENT),
    "difference": Column("Volume less that of the fully sampled scan, relative to it.", PERCENT),
    "sd": Column("Standard deviation of the differences.", PERCENT),
    # inference
    "value": Column("The estimate."),
    "low": Column("Lower end of the interval."),
    "high": Column("Upper end of the interval."),
    "p": Column("p-value, not adjusted."),
    "adjusted": Column("p-value adjusted over its family."),
    "critical": Column("Size of the coefficient above which the test rejects."),
    "r2": Column("Explained fraction of the variance of the target, at most 1."),
    "icc": Column("Intraclass correlation coefficient, at most 1."),
    "error": Column("Mean over members less the target, relative to it.", PERCENT),
    "spread": Column("SD over members, ddof = 1, relative to the target.", PERCENT),
    # voxelwise SD
    "mean": Column("Mean over voxels of the SD over members.", WHITE_MATTER),
    "median": Column("Median over voxels of the SD over members.", WHITE_MATTER),
    "max": Column("Largest SD over members of a voxel.", WHITE_MATTER),
    "min": Column("Smallest SD over members of a voxel.", WHITE_MATTER),
    "std": Column("SD over voxels of the SD over members, ddof = 0.", WHITE_MATTER),
    "p5": Column("5th percentile over voxels of the SD over members.", WHITE_MATTER),
    "p25": Column("25th percentile over voxels of the SD over members.", WHITE_MATTER),
    "p75": Column("75th percentile over voxels of the SD over members.", WHITE_MATTER),
    "p95": Column("95th percentile over voxels of the SD over members.", WHITE_MATTER),
    "edges": Column(
        "Between which values the bins lie.",
        levels={
            "own": "the smallest and the largest SD of the structure",
            "global": "0 and `measure.histogram_upper`, the same for all structures",
        },
    ),
    "bin": Column("Number of the bin, from 0."),
    # training
    "loss": Column("Training loss, mean over the steps of the row."),
    "validation_psnr": Column("PSNR on the monitor scans; n/a between validations.", DB),
    "validation_ssim": Column("SSIM on the monitor scans; n/a between validations."),
}
"""Columns that mean the same wherever they stand."""

GAIN_NORMALISED = "gain_normalised_"
_RANGES = {
    "challenge": "the Calgary-Campinas challenge's, by slice",
    "fixed": "the largest intensity of the reference",
}
_SLICES = {
    "brain": "with voxels of the brain",
    "cropped": "without the outer slices, as DIRECT validates",
    "all": "all",
}
_QUALITY = {
    "range": Column("Range of intensities that PSNR and SSIM refer to.", levels=_RANGES),
    "slices": Column("Slices that were scored.", levels=_SLICES),
}
_REGRESSION = {
    "predictors": Column("Predictors of the regression.", levels=PREDICTORS),
    "estimate": Column("Which R².", levels=R2),
}
_RANKED = "of the member among those of its group, -0.5 to 0.5"

_COST = Column(
    "What the measure needs.",
    levels={
        "the volume itself": "kind 0",
        "images": "kind A",
        "one segmentation": "kind B",
        "all segmentations": "kind C",
    },
)
_TOTAL_VARIANCE = {
    "component": Column(
        "Part of the variance of a volume.",
        levels={
            "total": "reconstruction and segmentation",
            "reconstruction": "between members' images",
            "segmentation": "between segmentations of one image, interaction included",
            "interaction": "of member and segmentation",
        },
    ),
    "n_draws": Column("Segmentations of each image."),
    "variance": Column("Variance relative to the square of the mean volume.", "%^2"),
    "cv_percent": Column("Root of the variance, 0 where that is below 0.", PERCENT),
}
SPECIAL = {
    "measures/surrogates": {"value": Column("Value of the measure, in its own unit.")},
    "measures/half_surrogates": {"value": Column("Value of the measure, in its own unit.")},
    "measures/histograms": {"fraction": Column("Fraction of the structure's voxels in the bin.")},
    "measures/snr": {
        "n_voxels": Column("Voxels in structures of the reference."),
        "median": Column("Median over voxels of mean over SD of the noise realisations."),
        "mean": Column("Mean over voxels of mean over SD of the noise realisations."),
        "pooled": Column("Mean over voxels of the mean, over the root mean square of the SD."),
    },
    "quality/quality": _QUALITY,
    "quality/scores": {"value": Column("Value of the score; n/a where it is undefined.")},
    "deformation/deformation": {
        "change": Column("100 times the mean of ln of the Jacobian determinant.", PERCENT),
        "n_folded": Column("Voxels without a positive determinant, left out."),
    },
    "pathology/voxels": {
        "kind": Column("Pathology of the phantom."),
        "head": Column("Label of the matched healthy phantom."),
        "n_voxels": Column("Voxels that the pathology changed."),
        "error": Column("Root mean square error in these voxels.", WHITE_MATTER),
        "std": Column("Root mean square SD over members in these voxels.", WHITE_MATTER),
        "error_ratio": Column("Error over that of the same voxels in the healthy phantom."),
        "std_ratio": Column("SD over that of the same voxels in the healthy phantom."),
        "error_ratio_white_matter": Column("Error over that of unchanged white matter."),
        "std_ratio_white_matter": Column("SD over that of unchanged white matter."),
        "spread_skill": Column("Spread over error in these voxels; calibrated: 1."),
        "spread_skill_healthy": Column("The same in the healthy phantom."),
        "change_shown": Column("Slope of the reconstructed on the true change; 1 is right."),
        "auroc": Column("Area under the curve of the SD for changed against white matter."),
        "spearman_error": Column("Spearman's coefficient of SD and error over these voxels."),
    },
    "members/members": {
        "name": Column("Name of the member where the images come from."),
        "person": Column("Label of the subject; scans of one subject share it."),
    },
    "analyse/agreement": {
        "lower": Column("Lower limit of agreement.", PERCENT),
        "upper": Column("Upper limit of agreement.", PERCENT),
        "ccc": Column("Concordance correlation coefficient."),
        "slope": Column("Slope of the Deming regression on the reference."),
        "intercept": Column("Its intercept, relative to the mean of the reference.", PERCENT),
        "p": Column("p-value of the equivalence with the reference, not adjusted."),
        "undefined": Column("Why something is undefined; n/a where nothing is."),
    },
    "analyse/asymmetry": {
        "reference": Column("Mean asymmetry in the fully sampled scans.", "percentage points"),
        "sd": Column("Standard deviation of the differences.", "percentage points"),
        "bias": Column("Mean difference of the asymmetry index.", "percentage points"),
        "lower": Column("Lower limit of agreement.", "percentage points"),
        "upper": Column("Upper limit of agreement.", "percentage points"),
    },
    "analyse/bias_prediction": {
        "estimate": Column("R² of logarithms, or the correlation coefficient."),
        "scope": Column("Pairs of a correlation; n/a of R².", levels=SCOPES),
    },
    "analyse/bias_regression": _REGRESSION,
    "analyse/regression": _REGRESSION,
    "analyse/calibration": {
        "crps": Column("Fair continuous ranked probability score.", PERCENT),
        "below": Column("Members below the target."),
        "equal": Column("Members equal to the target."),
    },
    "analyse/components": {
        "component": Column(
            "Component of the variance of ln V.",
            levels={
                "subject": "between scans",
                "member": "between members, on all scans alike",
                "interaction": "of member and scan together",
                "segmentation": "between segmentations of one image",
                "total": "of all but the scans'",
            },
        ),
        "variance": Column("Variance of ln V."),
        "cv_percent": Column("100 times the root of the variance.", PERCENT),
        "fraction": Column("Fraction of the total; n/a of the scans.", PERCENT),
        "cv_low": Column("Lower end of the interval of `cv_percent`.", PERCENT),
        "cv_high": Column("Upper end of the interval of `cv_percent`.", PERCENT),
    },
    "analyse/conformal": {
        "structure": Column("Structure of the brain; `all`: all of a scan at once."),
        "method": Column(
            "How the interval was made.",
            levels={
                "naive": "mean and SD of the members, without calibration",
                "absolute": "conformal, by the absolute residual",
                "scaled": "conformal, by the residual over the CV",
                "cqr": "conformal, by quantiles over members",
                "jackknife_plus": "jackknife+ of the mean bias",
                "joint": "conformal, one threshold for all structures of a scan",
            },
        ),
        "coverage": Column("Fraction of the volumes within their interval."),
        "width_percent": Column("Mean width, relative to the volume.", PERCENT),
    },
    "analyse/correlations": {
        "n": Column("Pairs, or structures of the mean over them."),
        "pearson": Column("Pearson's coefficient of the statistic with the CV."),
        "spearman": Column("Spearman's coefficient of the statistic with the CV."),
    },
    "analyse/deformation": {
        "sd": Column("SD over members of the apparent change, ddof = 1.", PERCENT),
        "mean": Column("Mean over members of the apparent change.", PERCENT),
    },
    "analyse/ensemble_size": {
        "n_members": Column("Members of the subsets."),
        "cv": Column("Median CV over pairs, mean over subsets.", PERCENT),
        "cv_low": Column("2.5th percentile over subsets of the median CV.", PERCENT),
        "cv_high": Column("97.5th percentile over subsets of the median CV.", PERCENT),
        "se_subsets": Column("SD of the CV over subsets relative to its mean.", PERCENT),
        "se": Column("Relative standard error of the CV by subsets.", PERCENT),
        "theory": Column("Relative standard error of the CV of normal members.", PERCENT),
    },
    "analyse/image_quality": _QUALITY,
    "analyse/image_scores": {
        "n": Column("Images that are ranked within their scan and ensemble."),
        "value": Column("Spearman's coefficient; above 0, worse scores go with larger errors."),
        "wrong_subject": Column("The same by the scores of another subject, mean over exchanges."),
    },
    "analyse/inference": {
        "estimate": Column("Coefficient, or how the two halves of the members are compared."),
        "p_max_t": Column("p-value adjusted over structures, by the largest coefficient."),
        "p_bh": Column("p-value adjusted over structures, false-discovery rate."),
        "statistic": Column("Summary of the SD; `noise_ceiling`, or `summary` for all of them."),
    },
    "analyse/kinds": {
        "of": Column("Group whose networks made the images; the group itself unless it is draws."),
        "kind": Column("Kind of the group; of draws their method."),
        "n_trainings": Column("Trained networks that the group needs."),
        "n_reconstructions": Column("Reconstructions, and segmentations, of each scan."),
        "target": Column(
            "`reference` or `truth`, with which volumes are compared; or what is predicted, as a"
            " logarithm: `bias_reference`, `bias_truth`, the absolute bias against them;"
            " `ensemble_cv`, the CV between trained networks of the architecture;"
            " `ensemble_cv_GROUP`, the same of another group's networks."
        ),
        "predictor": Column(
            "What predicts; n/a where nothing does.",
            levels={"sd": "mean voxelwise SD", "cv": "CV of the volume"},
        ),
        "estimate": Column(
            "Kind of the number in the row.",
            levels={
                "cv": "median coefficient of variation, %",
                "spread_skill": "spread over error of the mean; calibrated: 1",
                "crps": "fair continuous ranked probability score, %",
                "width_absolute": "width of conformal intervals by the residual, %",
                "width_scaled": "width of conformal intervals by the residual over the CV, %",
                "r2": "R² of left-out subjects",
                "noise_ceiling": "R² that a perfect predictor would reach",
            },
        ),
        "n": Column("Structure-scan pairs of an R², of both directions of two halves; else 0."),
    },
    "analyse/outliers": {
        "volume": Column(
            "Mean absolute difference of the volumes from the group's median.", PERCENT
        ),
        "z_psnr": Column("Robust z of the PSNR; n/a of few members."),
        "z_ssim": Column("Robust z of the SSIM; n/a of few members."),
        "z_volume": Column("Robust z of the difference of the volumes; n/a of few members."),
        "flagged": Column(
            "Whether the member is an outlier.",
            levels={"True": "a robust z above the threshold", "False": "none"},
        ),
        "cv_without": Column("Median CV of the other members.", PERCENT),
        "r2_histogram_target_only": Column("R² of the histograms for the others' CV."),
        "r2_summary_target_only": Column("R² of the summaries for the others' CV."),
    },
    "analyse/overlap": {
        "scope": Column("The target again.", levels=REFERENCE_OR_TRUTH),
        "dice": Column("Dice coefficient with the target, mean over members, 0 to 1."),
        "surface_distance_mm": Column("Surface distance from it, mean over members.", MM),
        "hausdorff95_mm": Column("95 % Hausdorff distance from it, mean over members.", MM),
    },
    "analyse/paper": {
        "quantity": Column("What was published."),
        "reported": Column("The published number or claim."),
        "here": Column("The same in this study."),
        "tolerance": Column("Within which both match."),
        "match": Column(
            "Whether they do.",
            levels={
                "match": "within the tolerance",
                "no match": "beyond the tolerance",
                "not comparable": "other scans, or absent here",
            },
        ),
    },
    "analyse/power": {
        "scope": Column(
            "What differs between the two scans of a subject.",
            levels={
                "total": "member, interaction with the scan, and segmentation",
                "fixed_model": "the same without the member: both scans by one",
                "interaction": "interaction of member and scan alone",
                "total_uncancelled": "total, and the error that members share",
                "fixed_model_uncancelled": "fixed_model, and the error that members share",
            },
        ),
        "cv_percent": Column("Within-subject coefficient of variation.", PERCENT),
        "detectable_change_percent": Column("Smallest detectable change of a subject.", PERCENT),
        "inflation": Column("Factor by which it enlarges a trial; of the hippocampus alone."),
        "patients_per_arm": Column("Patients in each arm of a trial; of the hippocampus alone."),
    },
    "analyse/readings": {
        "regression": Column(
            "Which of the two published regressions.",
            levels={"histogram": "on the histogram", "summary": "on its summaries"},
        ),
        "target": Column(
            "What is predicted.",
            levels={"sd": "SD of the volume over members, mm^3", "cv": "its CV, %"},
        ),
        "predictors": Column(
            "Reading of the predictors.",
            levels={
                "map": "summaries of the voxelwise SD",
                "fractions": "fractions of voxels, own edges",
                "densities": "densities, own edges",
                "common_fractions": "fractions of voxels, common edges",
            },
        ),
    },
    "analyse/slopes": {
        "target": Column(
            "What is predicted, as a logarithm.",
            levels={"cv": "coefficient of variation", "bias": "absolute bias"},
        ),
        "slope": Column(
            "Which slope.",
            levels={"within": "within structures", "between": "between structures"},
        ),
        "value": Column("The slope; 1 is proportional."),
        "permuted_low": Column("Lower end of the slopes after subjects were exchanged."),
        "permuted_high": Column("Upper end of the slopes after subjects were exchanged."),
        "explained": Column("Explained variance of left-out subjects, at most 1."),
        "explained_wrong_subject": Column("The same by the predictors of another subject."),
    },
    "analyse/surrogates": {
        "cost": _COST,
        "estimate": Column("Which R² or correlation coefficient r of ln CV on ln of the measure."),
    },
    "analyse/task_error": {
        "variability": Column("Median contribution to the variability of volumes.", PERCENT),
        "bias": Column("Median absolute bias of volumes.", PERCENT),
        "psnr_rank": Column(f"Rank of the PSNR {_RANKED}."),
        "ssim_rank": Column(f"Rank of the SSIM {_RANKED}."),
        "variability_rank": Column(f"Rank of the variability {_RANKED}."),
        "bias_rank": Column(f"Rank of the bias {_RANKED}."),
    },
    "analyse/tasks": {
        "target": Column(
            "What is predicted.",
            levels={
                "dice_loss": "1 - Dice with the reference, mean over members",
                "surface_distance": "surface distance from the reference, mm",
                "deformation_sd": "SD over members of the apparent change, %",
            },
        ),
        "estimate": Column("Target and scope: Spearman's coefficient with the predictor."),
        "scope": Column("Pairs of the coefficient.", levels=OVER_STRUCTURES),
    },
    "analyse/thickness": {
        "mean_mm": Column("Mean thickness over members.", MM),
        "cv": Column("Coefficient of variation of the thickness over members.", PERCENT),
        "bias_truth": Column("Mean difference of the members from the true label map.", PERCENT),
        "std_mean": Column("Mean voxelwise SD in the cortex; n/a of its parts.", WHITE_MATTER),
    },
    "analyse/total_variance": _TOTAL_VARIANCE
    | {
        "structure": Column("Structure of the brain; `all_structures`: the mean over them."),
        "fraction": Column("Fraction of the total, 1 for all of it."),
    },
    "analyse/total_variance_predictors": {
        "cost": _COST,
        "endpoint": Column(
            "Component whose CV is predicted.",
            levels={
                "total": "one segmentation of one member's image",
                "reconstruction": "the reconstruction part alone",
            },
        ),
        "estimate": Column("Which R² or correlation coefficient r of ln CV on ln of the measure."),
    },
    "analyse/total_variance_scans": _TOTAL_VARIANCE,
    "pathology/pathology": {
        "kind": Column("Pathology of the phantom, or `healthy`."),
        "head": Column("Label of the matched healthy phantom."),
        "in_range": Column("1 if the truth is within the range of the members, else 0."),
        "in_interval": Column("1 if the truth is within the t interval of the members, else 0."),
        "true_change": Column("True change against the healthy phantom.", PERCENT),
        "measured_change": Column("Mean over members of the measured change.", PERCENT),
        "change_sd": Column("SD over members of the measured change, ddof = 1.", PERCENT),
        "change_in_interval": Column("1 if the true change is within the t interval, else 0."),
        "affected": Column("1 where the pathology lies, else 0."),
        "cv_ratio": Column("CV over that of the healthy phantom."),
        "error_ratio": Column("Absolute error over that of the healthy phantom."),
    },
}
"""Folder and name of a table -> its columns that have a meaning of their own there."""


def described(table: str, column: str) -> Column | None:
    """Return the description of a column; None if it has none.

    Args:
        table: folder and name, `measures/volumes` or `analyse/cv`.
        column: its name in the file.
    """
    known = COLUMNS | SPECIAL.get(table, {})
    if column in known:
        return known[column]
    for end, words in ENDS.items():
        base = column.removesuffix(end)
        if base != column and base in known:
            return Column(f"{words} end of the interval of `{base}`.", known[base].unit)
    whole = known.get(column.removeprefix(GAIN_NORMALISED))
    if column.startswith(GAIN_NORMALISED) and whole:
        words = f"{whole.description[:-1]}, gains of members taken out."
        return replace(whole, description=words)
    return None
