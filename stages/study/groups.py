"""What a group of images is: its name, its kind and its members.

A kind is data: code asks a group what it has, never which one it is. Another kind is an entry of
`KINDS`, its groups in `EnsembleParams.all` (stages/params/ensembles.py) and the stage that makes
its images.
"""

from dataclasses import dataclass

from stages.study import sidecars

ACCELERATED = "accelerated"  # BIDS label `desc` of images from undersampled k-space
ADDED_NOISE = "noise"  # name of the group of noise realisations


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
    trained: bool = False
    """Members are networks that the study trains: weights, training curves, a model card."""
    repeated: bool = False
    """Several members, hence variability; otherwise one member."""
    adds_noise: bool = False
    """Members differ in added noise alone: their signal-to-noise ratio is measured."""
    scored: bool = True
    """Its PSNR and SSIM are results of the study."""
    target: bool = False
    """The other groups are compared with it, and it with the true volumes alone."""
    uses_labels: bool = False
    """Its images depend on the reference's label maps, hence on the segmenter."""
    differ_in: tuple[str, ...] = ()
    """Entries of an image's sidecar that no two members share."""


ENSEMBLE = GroupKind("ensemble", trained=True, repeated=True, differ_in=(sidecars.WEIGHTS,))
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

KINDS = (ENSEMBLE, NOISE, REFERENCE, BASELINE)
"""Every kind of group."""
_NAMED = {name: kind for kind in KINDS for name in kind.names}


@dataclass(frozen=True)
class Group:
    """Images of the same scans by the same means; members differ in what `kind.differ_in` says."""

    name: str
    kind: GroupKind
    members: tuple[int, ...]
    """Their seeds; 0 of a group with one member."""


FULLY_SAMPLED = Group("reference", REFERENCE, (0,))
"""The group that all others are compared with."""


def desc_of(name: str) -> str:
    """Return the BIDS label `desc` of a group's images; undersampled if the name has no kind."""
    return _NAMED[name].desc if name in _NAMED else ACCELERATED
