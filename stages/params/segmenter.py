"""Section `segmenter` of params.segmenters.yaml: the bundled segmentation network."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from stages.params.phantom import AtrophyParams, InfarctParams, LesionParams, TumourParams
from stages.params.section import RecipeSection, Section

Probability = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]
Range = tuple[NotNegative, NotNegative]


class NetworkParams(Section):
    """Size of the network."""

    features: Annotated[tuple[int, ...], Field(min_length=2)]  # finest level first
    kernel: int = Field(ge=1)
    voxel_size_mm: float = Field(gt=0)  # images are resampled to it before they enter the network


class SynthesisParams(Section):
    """Ranges of the random draws that turn a label map into a training image.

    Axes are right, anterior, superior. Intensities are in units of white matter.
    """

    crop: tuple[int, int, int]  # voxels
    crop_shift_mm: NotNegative  # that a crop's border may cut off the brain
    low_crop: Probability  # draws that lie lower, neck included
    cut: Probability  # for each side, draws whose field of view ends there near the brain
    neck_cut: Probability  # the same below the brain, besides
    stripped: Probability  # draws without skull
    defaced: Probability
    masked: Probability  # draws with zeros around the head
    rotation_deg: NotNegative
    scaling: NotNegative  # relative
    shift_mm: NotNegative
    elastic_mm: tuple[NotNegative, NotNegative]  # coarse and fine field, largest standard deviation
    contrast: Range  # standard deviation of the logarithm of tissue signals
    contrast_narrow: Probability  # draws that stay at the lower end of `contrast`, or at gamma 1
    gamma: Range  # exponent of the T1w signals: weaker or stronger contrast
    heterogeneity: NotNegative  # largest log-SD of the signal within a tissue
    surroundings: NotNegative  # relative range of everything outside the brain
    surroundings_any: Probability  # draws where that has any signal
    blur_mm: Range  # standard deviation before sampling
    averaged: Probability  # draws resampled from 1 mm voxels rather than sampled at 2 mm
    thick_slices: Probability
    slice_mm: Range
    partial_fourier: Range  # acquired part of k-space along the first axis
    partial_fourier_drawn: Probability  # draws that are not at its lower end
    ghost: Probability
    texture: NotNegative  # relative standard deviation
    bias_field: NotNegative  # largest standard deviation of its logarithm
    coil_shading: Probability  # draws shaded by the coils' root of the sum of squares
    noise: Range  # standard deviation in each coil
    undersampled: Probability
    acceleration: Range  # of undersampled draws
    gain: Range  # factor of the intensity scale


class DiseaseParams(Section):
    """Diseases of training heads; sizes are drawn around those given here."""

    real: Probability  # draws of a real label map with a disease
    log_sd: NotNegative  # of the sizes
    atrophy: AtrophyParams
    lesions: LesionParams
    infarct: InfarctParams
    tumour: TumourParams


class AnatomyParams(Section):
    """The heads that training images are drawn from."""

    label_maps: str | None  # folder of label maps of real heads; null: digital phantoms alone
    left_out: tuple[str, ...]  # file names of maps that training does not see
    real: Probability  # draws of a real head
    n_heads: int = Field(ge=1)  # digital ones
    n_ill: NotNegativeInt  # of these, with a disease
    diseases: DiseaseParams

    @model_validator(mode="after")
    def _ill_heads_are_heads(self) -> "AnatomyParams":
        if self.n_ill > self.n_heads:
            raise ValueError(f"expected 'n_ill' of at most the {self.n_heads} of 'n_heads'")
        return self


class OptimisationParams(Section):
    """Loss and schedule."""

    steps: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    weight_decay: NotNegative
    flat: Probability  # part of the steps before the cosine decay begins
    warm_up: Probability
    volume_weight: NotNegative  # of the relative volume error in the loss
    volume_from: Probability  # part of the steps without it
    averaging: float = Field(ge=0, lt=1)  # decay of the exponential moving average of the weights


class RefinementParams(Section):
    """A later phase: nearer to the study's own images, batch normalisation as at inference."""

    steps: int = Field(ge=0)
    learning_rate: float = Field(gt=0)
    volume_weight: NotNegative
    synthesis: SynthesisParams


class FineParams(Section):
    """Images of the real maps at 1 mm, and thick slices of them."""

    grid: tuple[int, int, int]  # (slices, ky, kz)
    thickness_mm: int = Field(ge=2)  # of a slice, the mean of as many at 1 mm


class FoldParams(Section):
    """Networks that judge the recipe on the real maps that they have not seen."""

    n: int = Field(ge=2)  # parts of the maps that are left out in turn
    judged: int = Field(ge=1)  # the first of these parts that are; the others need no network
    steps: tuple[Annotated[int, Field(ge=0)], ...]  # of each phase
    digital: NotNegativeInt  # first steps, which all networks share: on digital phantoms alone
    fine: FineParams


class QualityParams(Section):
    """How the trained network is judged: on scans of heads of their own."""

    seed: int = Field(ge=0)
    n_phantoms: int = Field(ge=3)
    n_ill: int = Field(ge=1)  # phantoms with each disease
    n_noise: int = Field(ge=2)  # draws of the noise ensemble
    n_shifts: int = Field(ge=2)  # places on the voxel grid, up to half a voxel apart
    grid: tuple[int, int, int]  # (slices, ky, kz)
    voxel_size_mm: float = Field(ge=1)
    n_coils: int = Field(ge=1)
    snr: float = Field(gt=0)  # of the scan
    partial_fourier: float = Field(gt=0.5, le=1)
    noise_snr: float = Field(gt=0)  # of the noise ensemble, against the mean brain
    acceleration: float = Field(ge=1)  # of the undersampled images
    center_fraction: float = Field(gt=0, lt=1)


class SegmenterParams(RecipeSection):
    """How the bundled network is trained on label maps and digital phantoms, and judged."""

    section: ClassVar[str] = "segmenter"
    seed: int = Field(ge=0)
    anatomies: AnatomyParams
    network: NetworkParams
    synthesis: SynthesisParams
    optimisation: OptimisationParams
    refinements: tuple[RefinementParams, ...]
    folds: FoldParams
    quality: QualityParams

    @model_validator(mode="after")
    def _crop_fits_the_network(self) -> "SegmenterParams":
        multiple = 2 ** (len(self.network.features) - 1)
        draws = (self.synthesis, *(phase.synthesis for phase in self.refinements))
        if any(side % multiple for each in draws for side in each.crop):
            raise ValueError(f"'synthesis.crop' must hold multiples of {multiple}")
        return self

    @model_validator(mode="after")
    def _folds_fit(self) -> "SegmenterParams":
        folds, n_phases = self.folds, 1 + len(self.refinements)
        if len(folds.steps) != n_phases:
            raise ValueError(f"'folds.steps' must hold {n_phases} numbers, one a phase")
        if folds.digital > folds.steps[0]:
            raise ValueError("'folds.digital' must be at most the steps of the first phase")
        if folds.judged > folds.n:
            raise ValueError(f"'folds.judged' must be at most 'folds.n' = {folds.n}")
        return self
