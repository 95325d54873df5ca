"""What a group of images is: its name, its kind and its members.

A kind is data: code asks a group what it has, never which one it is. Another kind is an entry of
`KINDS`, its groups in `EnsembleParams.all` (stages/params/ensembles.py) and the stage that makes
its images. Images from elsewhere (`EXTERNAL`) are a kind like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from stages.study import sidecars

ACCELERATED = "accelerated"  # BIDS label `desc` of images from undersampled k-space
ADDED_NOISE = "noise"  # name of the group of noise realisations
SAME = (sidecars.SCAN, sidecars.MASK, *sidecars.NOISE)
"""What all members of a scan share, unless their kind says otherwise."""


@dataclass(frozen=True)
class GroupKind:
    """What all groups of one kind have in common."""

    name: str
    names: tuple[str, ...] = ()
    """Names of groups that mean this kind; a kind without any names its groups freely."""
    desc: str = ACCELERATED
    """BIDS label `desc` of the images: how k-space was sampled."""
    image: str = "reconstruction"
    """What an image of such a group is, in words."""
    undersampled: bool = True
    """Made from masked k-space; otherwise from all of it."""
    elsewhere: bool = False
    """Images that others made: nothing is known of their k-space."""
    trained: bool = False
    """Members are networks that the study trains: weights, training curves, a model card."""
    studied: bool = False
    """What the study is about; other groups are controls."""
    repeated: bool = False
    """Several members, hence variability; otherwise one member."""
    adds_noise: bool = False
    """Members differ in added noise alone: their signal-to-noise ratio is measured."""
    scored: bool = True
    """Its PSNR and SSIM are results of the study."""
    target: bool = False
    """The other groups are compared with it, and it with the true volumes alone."""
    interpolated: bool = False
    """Reference images on the grid of a group from elsewhere and back: what interpolation does."""
    uses_labels: bool = False
    """Its images depend on the reference's label maps, hence on the segmenter."""
    differ_in: tuple[str, ...] = ()
    """Entries of an image's sidecar that no two members share."""
    same_in: tuple[str, ...] = SAME
    """Entries of an image's sidecar that all members of a scan share."""
    nested: bool = False
    """Members are samples of their scan: member 3 is another sample in each."""
    rescanned: bool = False
    """Members are scans of their own, in which the head lies elsewhere: no voxels are compared, and
    the variability of volumes is the yardstick of other groups'."""


ENSEMBLE = GroupKind(
    "ensemble", trained=True, studied=True, repeated=True, differ_in=(sidecars.WEIGHTS,)
)
NOISE = GroupKind(
    "noise",
    names=(ADDED_NOISE,),
    desc="noisy",
    image="added noise",
    undersampled=False,
    repeated=True,
    adds_noise=True,
    scored=False,
    uses_labels=True,
    differ_in=(sidecars.NOISE_SEED,),
)
REFERENCE = GroupKind(
    "reference",
    names=("reference",),
    desc="full",
    image="fully sampled image",
    undersampled=False,
    scored=False,
    target=True,
)
BASELINE = GroupKind("baseline", names=("zero_filled", "compressed_sensing"))
_ELSEWHERE: dict[str, Any] = {
    "image": "image from elsewhere",
    "undersampled": False,
    "elsewhere": True,
    "studied": True,
}
EXTERNAL = GroupKind("external", repeated=True, **_ELSEWHERE)
PAIRED = GroupKind("paired", **_ELSEWHERE)

# draws of one network: each scan has the same weights or the same mask on purpose
DRAWN = GroupKind(
    "measurement_draws",
    image="draw of one network",
    repeated=True,
    same_in=(*SAME, sidecars.WEIGHTS),
    differ_in=(sidecars.DRAW_SEED,),
    nested=True,
)
DRAWN_MASKS = replace(
    DRAWN,
    name="mask_draws",
    same_in=(sidecars.SCAN, sidecars.WEIGHTS),
    differ_in=(sidecars.MASK, sidecars.DRAW_SEED),
)
DRAWN_WEIGHTS = replace(
    DRAWN, name="weight_draws", same_in=SAME, differ_in=(sidecars.WEIGHTS,), nested=False
)
RESCANS = replace(
    DRAWN,
    name="rescans",
    image="scan repeated in another position",
    scored=False,
    same_in=(sidecars.SCAN, sidecars.WEIGHTS),
    rescanned=True,
)

INTERPOLATION = GroupKind(
    "interpolation",
    image="reference image, resampled there and back",
    undersampled=False,
    elsewhere=True,
    scored=False,
    interpolated=True,
)

DRAWS = (DRAWN, DRAWN_MASKS, DRAWN_WEIGHTS, RESCANS)
KINDS = (ENSEMBLE, NOISE, REFERENCE, BASELINE, *DRAWS, EXTERNAL, PAIRED, INTERPOLATION)
"""Every kind of group."""
_NAMED = {name: kind for kind in KINDS for name in kind.names}


@dataclass(frozen=True)
class Group:
    """Images of the same scans by the same means; members differ in what `kind.differ_in` says."""

    name: str
    kind: GroupKind
    members: tuple[int, ...]
    """Their seeds; 0 of a group with one member."""
    crossed: bool = True
    """Member 3 is the same network in all scans; otherwise members are nested within scans."""
    imaged: bool = True
    """It has images and label maps; otherwise volumes alone."""
    absent: frozenset[tuple[int, str]] = frozenset()
    """Members and scans that there is no image of."""
    of_group: str = ""
    """The ensemble whose member draws are made of; nothing of other kinds."""
    method: str = ""
    """How draws are made."""

    @property
    def aligned(self) -> bool:
        """Return whether there are images, and they lie as the reference's do."""
        return self.imaged and not self.kind.rescanned

    def of(self, subject: str) -> tuple[int, ...]:
        """Return the members that have an image of a scan."""
        return tuple(m for m in self.members if (m, subject) not in self.absent)

    def scans(self, member: int, subjects: Iterable[str]) -> list[str]:
        """Return the scans of which a member has an image."""
        return [subject for subject in subjects if (member, subject) not in self.absent]


FULLY_SAMPLED = Group("reference", REFERENCE, (0,))
"""The group that all others are compared with."""


def external(name: str, pairs: Iterable[tuple[int, str]], *, crossed: bool, imaged: bool) -> Group:
    """Return a group from elsewhere, `reference` the one that the others are compared with.

    Args:
        name: of the group.
        pairs: member and scan of every image.
        crossed, imaged: as in `Group`.
    """
    there = set(pairs)
    members = sorted({member for member, _ in there})
    every = {(member, scan) for member in members for _, scan in there}
    kind = EXTERNAL if len(members) != 1 else PAIRED
    found = frozenset(every - there)
    return Group(name, _NAMED.get(name, kind), tuple(members), crossed, imaged, found)


def interpolation_of(name: str) -> Group:
    """Return the control of a group whose images are resampled to the reference's grid."""
    return Group(f"{name}_interpolation", INTERPOLATION, (0,))


def desc_of(name: str) -> str:
    """Return the BIDS label `desc` of a group's images; undersampled if the name has no kind."""
    return _NAMED[name].desc if name in _NAMED else ACCELERATED
