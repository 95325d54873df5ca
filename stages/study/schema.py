"""Every tidy table of a group: where it lies, its columns and their units.

`storage/tables.py` reads and writes by it; a question of the statistics says itself what its tables
hold, so that a change of theirs measures nothing again. A column without a unit is a name, a count
or a number without dimension; `mm3`, `mm`, `%` and `dB` are as they say. Intensities and their
standard deviations are in units of the white matter's median in the reference (`white matter`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.study import layout

Columns = dict[str, str]
"""Column -> unit, empty for names, counts and what has no dimension."""


@dataclass(frozen=True)
class Table:
    """A tidy table: one row for each combination of its leading columns."""

    name: str
    """Of the file, without `.csv`."""
    units: Columns
    """In the order of the file."""
    folder: Callable[..., Path]
    """Folder of a group's table, `layout.measures` or the like; without arguments if the table
    holds all groups."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        return list(self.units)

    def less(self, *columns: str) -> list[str]:
        """Return the columns but for some."""
        return [name for name in self.units if name not in columns]

    def path(self, *group: str) -> Path:
        """Return the file of a group; of all groups for a table that holds them all."""
        return self.folder(*group) / f"{self.name}.csv"


def names(*columns: str, unit: str = "") -> Columns:
    """Return columns of one unit."""
    return dict.fromkeys(columns, unit)


SUMMARIES = ("mean", "median", "max", "min", "std", "p5", "p25", "p75", "p95")
"""Of the voxelwise standard deviation in a structure."""
SCORES = {"dice": "", "surface_distance_mm": "mm", "hausdorff95_mm": "mm"}
"""Agreement of two segmentations."""
CURVES = ("loss", "validation_psnr", "validation_ssim", "kept")
"""What is recorded of a training; `kept` is 1 at the step whose weights the member has."""
_DEVIATIONS = names(*SUMMARIES, unit="white matter")
_SCAN = names("group", "subject", "structure")
_MEMBER = names("group", "member", "subject")

# work/measures/<group>
VOLUMES = Table("volumes", _MEMBER | {"structure": "", "volume_mm3": "mm3"}, layout.measures)
DRAWS = Table(  # repeated segmentations of shifted copies; optional
    "draws",
    names("group", "member", "draw", "subject", "structure") | {"volume_mm3": "mm3"},
    layout.measures,
)
REGIONS = Table(
    "regions",
    _SCAN
    | names("n_voxels")
    | _DEVIATIONS
    | names(*(f"gain_normalised_{name}" for name in SUMMARIES), unit="white matter"),
    layout.measures,
)
HALVES = Table("halves", _SCAN | names("n_voxels") | _DEVIATIONS | names("half"), layout.measures)
HISTOGRAMS = Table("histograms", _SCAN | names("edges", "bin", "fraction"), layout.measures)
SURROGATES = Table("surrogates", _SCAN | names("surrogate", "kind", "value"), layout.measures)
HALF_SURROGATES = Table(  # the same of half of the members, the voxelwise SD among them
    "half_surrogates", SURROGATES.units | names("half"), layout.measures
)
SIDES = Table(  # of segmenters that keep left and right apart
    "sides",
    names("group", "member", "subject", "structure") | names("left_mm3", "right_mm3", unit="mm3"),
    layout.measures,
)
THICKNESS = Table(  # of the cerebral cortex, of groups with label maps
    "thickness", _MEMBER | {"region": "", "thickness_mm": "mm"}, layout.measures
)
SNR = Table(  # of groups that add noise
    "snr", names("group", "subject", "n_voxels", "median", "mean", "pooled"), layout.measures
)

# work/quality, work/overlap, work/deformation, each <group>
QUALITY = Table(
    "quality", _MEMBER | {"range": "", "slices": "", "psnr": "dB", "ssim": ""}, layout.quality
)
IMAGE_SCORES = Table("scores", _MEMBER | names("score", "value"), layout.quality)
OVERLAP = Table(
    "overlap", _MEMBER | names("target", "structure") | SCORES | names("reason"), layout.overlap
)
DEFORMATION = Table(
    "deformation",
    _MEMBER | {"structure": "", "n_voxels": "", "change": "%", "n_folded": "", "reason": ""},
    layout.deformation,
)

# work/truth, of simulated cohorts alone; work/pathology
TRUE_VOLUMES = Table(
    "volumes",
    {"subject": "", "structure": "", "volume_mm3": "mm3"},
    lambda: layout.TRUE_MEASURES,
)
TRUE_THICKNESS = Table(
    "thickness",
    {"subject": "", "region": "", "thickness_mm": "mm"},
    lambda: layout.TRUE_MEASURES,
)
AFFECTED_VOXELS = Table(
    "voxels",
    names("group", "kind", "head", "subject", "n_voxels")
    | names("error", "std", unit="white matter")
    | names("error_ratio", "std_ratio", "error_ratio_white_matter", "std_ratio_white_matter")
    | names("spread_skill", "spread_skill_healthy", "change_shown", "auroc", "spearman_error"),
    lambda: layout.PATHOLOGY,
)

# work/members/<group>.csv, of groups from elsewhere
MEMBERS = Table("members", names("subject", "member", "name", "person"), lambda: layout.MEMBERS)

GROUP_TABLES = (
    *(VOLUMES, DRAWS, REGIONS, HALVES, HISTOGRAMS, SURROGATES, HALF_SURROGATES, SIDES, SNR),
    *(THICKNESS, QUALITY, IMAGE_SCORES, OVERLAP, DEFORMATION),
)
"""One file for each group that has such a table."""
