"""Section `phantom`: the simulated cohort."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from stages.params.section import Section

Part = Annotated[float, Field(ge=0, lt=1)]  # of a volume
Side = Literal["left", "right"]


class AtrophyParams(Section):
    """Changes of volume as fractions of the matched healthy phantom's, the same on both sides."""

    hippocampus: Part  # lost to the CSF beside it
    amygdala: Part
    cortex: Part  # lost to the CSF of the sulci
    ventricles: Annotated[float, Field(ge=0)]  # gained by the lateral ventricles from white matter


class LesionParams(Section):
    """White-matter hyperintensities, dark on T1-weighted images."""

    load_ml: float = Field(gt=0)
    number: int = Field(ge=1)
    size_log_sd: float = Field(ge=0)  # of a log-normal distribution of their volumes
    depth_mm: float = Field(gt=0)  # over which their density falls by e from the ventricles
    t1_ms: float = Field(gt=0)
    proton_density: float = Field(gt=0, le=1)  # relative to water


class TissueParams(Section):
    """What the signal of a diseased tissue depends on."""

    t1_ms: float = Field(gt=0)
    proton_density: float = Field(gt=0, le=1)  # relative to water


class InfarctParams(Section):
    """A chronic infarct in the territory of one middle cerebral artery."""

    volume_ml: float = Field(gt=0)  # of the cavity and its rim
    side: Side
    rim_mm: float = Field(ge=0)  # width of the gliosis around the cavity
    rim: TissueParams


class TumourParams(Section):
    """A mass in the white matter of one hemisphere."""

    volume_ml: float = Field(gt=0)  # of core and rim
    side: Side
    displacement: float = Field(ge=0, le=1)  # fraction of it that displaces tissue
    rim_mm: float = Field(ge=0)
    oedema_ml: float = Field(ge=0)  # of white matter around the mass
    core: TissueParams
    rim: TissueParams
    oedema: TissueParams


class PathologyParams(Section):
    """Validation phantoms that are scanned again with a disease; training phantoms stay healthy."""

    heads: int = Field(ge=0)  # the first ones of the validation heads; 0: none
    kinds: tuple[str, ...] = Field(min_length=1)
    atrophy: AtrophyParams
    lesions: LesionParams
    infarct: InfarctParams
    tumour: TumourParams

    @field_validator("kinds")
    @classmethod
    def _once(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("each kind may stand here once")
        known = [name for name in cls.model_fields if name not in ("heads", "kinds")]
        if not set(kinds) <= set(known):
            raise ValueError(f"expected kinds among {', '.join(known)}")
        return kinds


class PhantomParams(Section):
    """How many digital phantoms are scanned, and how."""

    section: ClassVar[str] = "phantom"
    seed: int = Field(ge=0)
    n_train: int = Field(ge=1)
    n_validation: int = Field(ge=1)
    grid: tuple[int, int, int]  # (slices, ky, kz)
    voxel_size_mm: float = Field(ge=1)  # a whole number: the heads are built of 1 mm voxels
    n_coils: int = Field(ge=1)
    snr: float = Field(gt=0)  # white matter, combined image of the fully sampled scan
    partial_fourier: float = Field(gt=0.5, le=1)
    inversion_ms: float = Field(gt=0)  # of the inversion-recovery gradient echo
    repetition_ms: float = Field(gt=0)
    t1_spread: float = Field(ge=0, lt=0.5)  # log-SD of a tissue's T1 between subjects
    texture: float = Field(ge=0, lt=0.5)  # relative SD of the signal within a tissue
    bias_field: float = Field(ge=0, lt=1)  # log-SD
    label_maps: str | None  # folder of FreeSurfer-labelled NIfTI maps, or the procedural head
    images: str | None  # folder of T1-weighted magnitude images (NIfTI, MGZ) in place of heads
    pathology: PathologyParams

    @property
    def n_pathological(self) -> int:
        """Number of scans of pathological phantoms."""
        return self.pathology.heads * len(self.pathology.kinds)

    @model_validator(mode="after")
    def _images_alone(self) -> "PhantomParams":
        if self.images is not None and (self.label_maps is not None or self.pathology.heads):
            raise ValueError(
                "expected images without label_maps and with pathology.heads 0, as images have"
                " no known labels"
            )
        return self

    @field_validator("grid")
    @classmethod
    def _large_enough(cls, grid: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(grid) < 8:
            raise ValueError("expected at least 8 voxels along each axis")
        return grid

    @field_validator("voxel_size_mm")
    @classmethod
    def _whole(cls, size: float) -> float:
        if size != round(size):
            raise ValueError("expected a whole number of mm")
        return size
