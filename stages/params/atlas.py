"""Section `atlas` of params.segmenters.yaml: how the atlas is built, fitted and judged."""

from typing import ClassVar

from pydantic import Field

from stages.params.section import RecipeSection, Section


class RegistrationParams(Section):
    """Affine and then diffeomorphic alignment of the atlas with an image."""

    shrink: tuple[int, ...] = Field(min_length=1)  # factor of each level of the affine one
    histogram_bins: int = Field(ge=8)  # of the mutual information
    sampling: float = Field(gt=0, le=1)  # part of the voxels that it is computed from
    affine_iterations: int = Field(ge=1)  # at each level
    demons_shrink: tuple[int, ...] = Field(min_length=1)
    demons_iterations: tuple[int, ...] = Field(min_length=1)
    demons_smoothing: float = Field(gt=0)  # standard deviation of the field, voxels of the level


class MixtureParams(Section):
    """Gaussian mixture with a bias field."""

    iterations: int = Field(ge=1)
    bias_order: int = Field(ge=0)  # total order of the polynomial that is the field's logarithm
    bias_penalty: float = Field(gt=0)  # of its squared coefficients, per voxel of full weight
    prior_variance: float = Field(gt=0)  # squared image intensity (99.5th percentile: 1)
    prior_weight: float = Field(gt=0)  # voxels that `prior_variance` counts as
    mean_weight: float = Field(ge=0)  # voxels that the mean expected of a small structure counts as
    refinements: int = Field(ge=1)  # iterations after the deformation, with mixed voxels
    mixed: float = Field(ge=0, le=1)  # share of voxels of two unlike parts that hold both
    fractions: int = Field(ge=1)  # of two classes in a mixed voxel, evenly spaced
    stride: int = Field(ge=1)  # the fit takes every stride-th voxel; posteriors take all


class AtlasQualityParams(Section):
    """On how many held-out phantoms of `segmenter.quality` the atlas is judged, and how often."""

    n_phantoms: int = Field(ge=3)
    n_noise: int = Field(ge=2)
    n_shifts: int = Field(ge=2)
    folds: int = Field(ge=2)  # atlases that are judged on the part of the maps left out of each


class AtlasParams(RecipeSection):
    """The atlas that `segment.method: atlas` uses."""

    section: ClassVar[str] = "atlas"
    seed: int = Field(ge=0)
    label_maps: str | None  # a folder of FreeSurfer-labelled maps
    left_out: tuple[str, ...]  # names of its files that it does not see
    n_heads: int = Field(ge=0)  # digital heads beside them
    voxel_size_mm: int = Field(ge=1)
    margin_mm: float = Field(ge=0)  # around the brain
    rounds: int = Field(ge=0)  # of averaging again after deformation to the average
    smoothing_mm: float = Field(ge=0)  # standard deviation, of the probabilities
    registration: RegistrationParams
    mixture: MixtureParams
    quality: AtlasQualityParams
