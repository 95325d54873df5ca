"""Where everything lies: one folder a group, one sub-folder a member.

Members lie below the folder of their group so that a stage that fans in one group depends on that
folder alone: a change of one architecture leaves the measurements of the others valid. A member's
images, its segmentations and the simulated truth are a BIDS derivative each, with files such as
`sub-<label>/anat/sub-<label>_rec-<group><seed>_desc-accelerated_T1w.nii.gz`
(https://bids-specification.readthedocs.io/en/v1.10.0/derivatives/imaging.html).
"""

import re
from pathlib import Path

from stages.study.groups import desc_of

DATA = Path("data")
TRUTH = DATA / "truth"
MAGNITUDE_IMAGES = TRUTH / "images.csv"  # of a cohort that is simulated from them
CODE = Path("work/code")
PHANTOM = Path("work/phantom")
MASKS = Path("work/masks")
TRAIN, VALIDATION, MONITOR = "train", "validation", "monitor"  # the parts of a cohort
INSPECTION = Path("work/inspection")
PATHOLOGY = Path("work/pathology")
TRUE_MEASURES = Path("work/truth")
SEGMENTER = Path("work/segmenter")  # trainings of the bundled segmentation network
MEMBERS = Path("work/members")
METRICS = Path("metrics")
HEADLINE = METRICS / "headline.json"  # the one metrics file without a folder of its stage
PLOTS = Path("plots")
CARDS = Path("docs/cards")
WEIGHTS = Path(__file__).parents[2] / "weights"  # that come with the study, wherever it is run
DURATIONS = Path("work/durations")
WEIGHT_FILE, CONFIGURATION, CURVES = "model.pt", "config.json", "curves.csv"  # of a trained member
LOSSES = "losses.csv"  # of a training
SNAPSHOT = re.compile(r"step-(\d{8})\.pt")  # weights after a step of a training
DRAWN = re.compile(r"_desc-draw\d+_dseg\.nii\.gz$")  # label maps of shifted copies
VOLUMES = "volumes.csv"  # beside label maps, in SynthSeg's format


def metric(stage: str, name: str) -> Path:
    """Return a metrics file of a stage."""
    return METRICS / stage / f"{name}.json"


def table(stage: str, name: str) -> Path:
    """Return a table that a stage writes for plots."""
    return PLOTS / stage / f"{name}.csv"


def figure(stage: str, name: str) -> Path:
    """Return a figure that a stage draws."""
    return PLOTS / stage / f"{name}.png"


def fold(number: int, suffix: str = ".npz") -> Path:
    """Return a file of the segmentation network that has not seen a part of the label maps."""
    return SEGMENTER / f"fold-{number}{suffix}"


def atlas_fold(number: int) -> Path:
    """Return the atlas that has not seen a part of the label maps."""
    return SEGMENTER / f"atlas-{number}.npz"


def training(architecture: str, seed: int) -> Path:
    """Return the folder of what the training of a member leaves: snapshots, losses."""
    return Path("work/training", architecture, str(seed))


def snapshot(step: int) -> str:
    """Return the name of the weights after a step of a training."""
    return f"step-{step:08d}.pt"


def snapshots(folder: Path) -> dict[int, Path]:
    """Return the snapshots in a folder by their step, the first step first."""
    found = ((SNAPSHOT.fullmatch(path.name), path) for path in sorted(folder.glob("step-*.pt")))
    return {int(match[1]): path for match, path in found if match}


def model(architecture: str, seed: int) -> Path:
    """Return the folder of a trained member."""
    return Path("work/models", architecture, str(seed))


def member_weights(architecture: str, seed: int) -> Path:
    """Return the weights of a trained member."""
    return model(architecture, seed) / WEIGHT_FILE


def curves(architecture: str, seed: int) -> Path:
    """Return the training curves of a member."""
    return model(architecture, seed) / CURVES


def checkpoints(architecture: str, seed: int) -> Path:
    """Return the folder of a member's checkpoints while it is trained; no DVC output holds it."""
    return Path("work/checkpoints", architecture, str(seed))


def images(group: str, seed: int) -> Path:
    """Return the folder of a member's images."""
    return Path("work/images", group, str(seed))


def segmentations(group: str, seed: int) -> Path:
    """Return the folder of a member's segmentations and volumes."""
    return Path("work/segmentations", group, str(seed))


def volumes(group: str, seed: int, folder: Path | None = None) -> Path:
    """Return a member's volume table, in SynthSeg's format; below `folder` while unfinished."""
    return (folder or segmentations(group, seed)) / VOLUMES


def drawn_volumes(group: str, seed: int, draw: int | str, folder: Path | None = None) -> Path:
    """Return the volume table of shifted copies of a member's images; a pattern for draw `*`."""
    return (folder or segmentations(group, seed)) / f"volumes_draw-{draw}.csv"


def true_volumes() -> Path:
    """Return the true volumes of a simulated cohort, in SynthSeg's format; not always there."""
    return TRUTH / VOLUMES


def duration(command: str) -> Path:
    """Return the note of how long a command took, e.g. `train unet 3`; no DVC output holds it."""
    return DURATIONS / f"{re.sub(r'[^A-Za-z0-9_]+', '-', command.strip())}.json"


def measures(group: str) -> Path:
    """Return the folder of a group's tidy tables."""
    return Path("work/measures", group)


def members(group: str) -> Path:
    """Return the table of the images of a group from elsewhere: which scans its members have."""
    return MEMBERS / f"{group}.csv"


def quality(group: str) -> Path:
    """Return the folder of a group's image quality."""
    return Path("work/quality", group)


def affected(subject: str, kind: str, folder: Path = TRUTH) -> Path:
    """Return the mask of what a pathology changed in a simulated head, in the truth's folder."""
    return folder / subject / "anat" / f"{subject}_desc-{kind.removesuffix('s')}_mask.nii.gz"


def overlap(group: str) -> Path:
    """Return the folder of a group's overlap with the reference and the true labels."""
    return Path("work/overlap", group)


def deformation(group: str) -> Path:
    """Return the folder of a group's deformations."""
    return Path("work/deformation", group)


def mask(subject: str, part: str = VALIDATION) -> Path:
    """Return the mask file of a subject (`sub-<label>`) in a part of the cohort.

    Each part has a folder of its own: what learns from the training scans alone depends on no
    other mask.
    """
    return MASKS / part / f"{subject}_mask.npz"


def reconstruction(group: str, seed: int) -> str:
    """Return the BIDS label `rec` of a member: letters and digits only, `zerofilled0`."""
    return re.sub(r"[^A-Za-z0-9]", "", f"{group}{seed}")


def image(group: str, seed: int, subject: str, folder: Path | None = None) -> Path:
    """Return a member's image of a subject; below `folder` while the member is unfinished."""
    name = f"{subject}_rec-{reconstruction(group, seed)}_desc-{desc_of(group)}_T1w.nii.gz"
    return (folder or images(group, seed)) / subject / "anat" / name


def noise_map(group: str, seed: int, subject: str, folder: Path | None = None) -> Path:
    """Return the SD of a member's image under the noise of its scan; not always there."""
    name = f"{subject}_rec-{reconstruction(group, seed)}_desc-noisesd_T1w.nii.gz"
    return (folder or images(group, seed)) / subject / "anat" / name


def segmentation(group: str, seed: int, subject: str, folder: Path | None = None) -> Path:
    """Return a member's label map of a subject; below `folder` while the member is unfinished."""
    name = f"{subject}_rec-{reconstruction(group, seed)}_seg-freesurfer_dseg.nii.gz"
    return (folder or segmentations(group, seed)) / subject / "anat" / name


def drawn_segmentation(
    group: str, seed: int, draw: int, subject: str, folder: Path | None = None
) -> Path:
    """Return the label map of a shifted copy of a member's image; of an ensemble with draws."""
    own = segmentation(group, seed, subject, folder)
    return own.with_name(own.name.replace("_dseg", f"_desc-{drawn(draw)}_dseg"))


def drawn(draw: int) -> str:
    """Return the label `desc` of a shifted copy, as names of its files have it."""
    return f"draw{draw}"


def true_labels(subject: str, folder: Path = TRUTH) -> Path:
    """Return the true label map of a simulated scan."""
    return folder / subject / "anat" / f"{subject}_seg-truth_dseg.nii.gz"


def sidecar(volume: Path) -> Path:
    """Return the JSON file beside a NIfTI volume."""
    return volume.with_name(volume.name.removesuffix(".nii.gz") + ".json")


def subjects(group: str, seed: int) -> list[str]:
    """Return the subjects of a member's images, by name; an empty list where there are none."""
    pattern = image(group, seed, "sub-*", Path())
    return sorted(path.parts[-3] for path in images(group, seed).glob(str(pattern)))
