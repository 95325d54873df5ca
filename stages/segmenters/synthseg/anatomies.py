"""Heads as training material: digital ones and real label maps, healthy and with a disease.

Every head is built when a training image first asks for it, from the parameters and its number
alone, so that an interrupted training and one that goes on see the same heads.
"""

from functools import cache
from pathlib import Path

import numpy as np
from scipy import ndimage

from stages.anatomy.diseases.catalogue import DISEASES
from stages.anatomy.fields import smooth_noise
from stages.anatomy.head import digital_head
from stages.anatomy.label_maps import brain_centre, list_maps, read_labels
from stages.anatomy.tissue import CSF, FAT_MARROW, MUSCLE_SKIN
from stages.params.phantom import PathologyParams
from stages.params.segmenter import AnatomyParams, DiseaseParams
from stages.segmenters.synthseg.anatomy import Anatomy
from stages.segmenters.synthseg.head_files import kept
from stages.segmenters.synthseg.labels import lookup
from stages.segmenters.synthseg.materials import BONE, DURA, FAT, SKIN, index_of
from stages.storage.files import md5
from stages.study.axes import three
from stages.study.errors import StudyError
from stages.study.seeds import stable_seed

TRAINING_SEEDS = 1_000_000  # seeds of training heads begin here, far from those of any cohort
FURTHEST_MM = 250  # distances from the brain are cut here
FAT_MM, FAT_UNEVEN_MM, FAT_BLOBS = 5.0, 2.0, 0.9
"""Soft tissue this near to the skin is fat, give or take; elsewhere where noise exceeds `BLOBS`."""
FAT_NOISE_MM = 8.0
DURA_MM = 2
"""CSF this near to the skull is membrane; assumed."""
VARIANTS = 2  # of a real head, by other draws of its tissues and of its disease
STREAM = 23  # second word of the random stream of a head's changes


def map_files(params: AnatomyParams) -> list[Path]:
    """Return the label maps that training draws from; none where it needs none.

    Raises:
        StudyError: if the folder has no maps, or none is called like one that is left out.
    """
    if params.label_maps is None:
        return []
    folder = Path(params.label_maps)
    if not folder.is_dir():
        raise StudyError(
            f"{folder}: expected the folder of SynthSeg's label maps (data/training_label_maps of"
            " https://github.com/BBillot/SynthSeg, Apache-2.0), found none; fetch them, or set"
            " segmenter.anatomies.label_maps to null to train on digital phantoms alone"
        )
    files = list_maps(folder)
    for name in params.left_out:
        if name not in [file.name for file in files]:
            raise StudyError(f"{folder}: expected a map {name} to leave out, found none")
    return [file for file in files if file.name not in params.left_out]


def plan_of(diseases: DiseaseParams) -> PathologyParams:
    """Return the diseases of the recipe as those of a cohort are given."""
    parts = diseases.model_dump(exclude={"real", "log_sd"})
    return PathologyParams(heads=0, kinds=tuple(DISEASES), **parts)


def drawn_pathology(base: DiseaseParams, rng: np.random.Generator) -> PathologyParams:
    """Return a disease's parameters with sizes drawn around those of the recipe."""

    def size(value: float, largest: float) -> float:
        return min(value * float(np.exp(base.log_sd * rng.standard_normal())), largest)

    side = ("left", "right")[int(rng.integers(2))]
    atrophy = {
        "hippocampus": size(base.atrophy.hippocampus, 0.5),
        "amygdala": size(base.atrophy.amygdala, 0.5),
        "cortex": size(base.atrophy.cortex, 0.15),
        "ventricles": size(base.atrophy.ventricles, 1.5),
    }
    load = size(base.lesions.load_ml, 60)
    infarct = {"volume_ml": size(base.infarct.volume_ml, 120), "side": side}
    tumour = {
        "volume_ml": size(base.tumour.volume_ml, 80),
        "oedema_ml": size(base.tumour.oedema_ml, 80),
        "side": side,
    }
    return plan_of(base).model_copy(
        update={
            "atrophy": base.atrophy.model_copy(update=atrophy),
            "lesions": base.lesions.model_copy(update={"load_ml": load}),
            "infarct": base.infarct.model_copy(update=infarct),
            "tumour": base.tumour.model_copy(update=tumour),
        }
    )


def with_disease(labels: np.ndarray, kind: str, params: DiseaseParams, seed: int) -> np.ndarray:
    """Return the labels with a disease of a drawn size; healthy where that does not fit."""
    rng = np.random.default_rng([seed, STREAM])
    for _ in range(3):
        try:
            return DISEASES[kind].apply(labels, drawn_pathology(params, rng), rng)
        except StudyError:
            continue
    return labels


@cache
def real_labels(path: Path) -> np.ndarray:
    """Return the labels of a map, read once in a process: uint16 (superior, anterior, right)."""
    labels = read_labels(path)
    filled = [np.flatnonzero(labels.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    unknown = sorted(set(np.unique(labels).tolist()) - set(index_of()) - {0})
    if unknown:
        raise StudyError(
            f"{path}: expected labels of FreeSurfer and SynthSeg, got unknown ones"
            f" ({', '.join(map(str, unknown[:10]))}); leave the map out"
        )
    return labels[tuple(slice(f[0], f[-1] + 1) for f in filled)].astype(np.uint16)


def digital_labels(number: int, params: AnatomyParams, seed: int) -> np.ndarray:
    """Return the labels of a digital phantom that no cohort contains."""
    return digital_head(TRAINING_SEEDS + seed * params.n_heads + number).labels


def divided(labels: np.ndarray, seed: int) -> np.ndarray:
    """Divide the soft tissue of a label map into fat and muscle, and its CSF from the membranes.

    Maps of real heads have one label for all soft tissue, whose signals differ most of all.
    """
    result, rng = labels.copy(), np.random.default_rng([seed, STREAM, 1])
    soft = labels == MUSCLE_SKIN
    coarse = ndimage.distance_transform_edt(~np.isin(labels[::2, ::2, ::2], (0, SKIN)))
    depth = 2 * np.repeat(np.repeat(np.repeat(coarse, 2, 0), 2, 1), 2, 2)
    noise = smooth_noise(labels.shape, FAT_NOISE_MM, rng)
    depth = depth[tuple(map(slice, labels.shape))] + FAT_UNEVEN_MM * noise
    result[soft & ((depth < FAT_MM) | (noise > FAT_BLOBS))] = FAT
    skull = np.isin(labels, (BONE, FAT_MARROW))
    result[ndimage.binary_dilation(skull, iterations=DURA_MM) & (labels == CSF)] = DURA
    return result


def anatomy(labels: np.ndarray) -> Anatomy:
    """Return a head from labels (superior, anterior, right), ids of maps or tissues."""
    table = lookup(index_of(), int(labels.max())).astype(np.uint8)
    tissues = table[labels].transpose(2, 1, 0)
    tissues = np.pad(tissues, [(1, 1), (1, 1), (0, 1)])
    brain = (labels > 0) & (labels < 100) & (labels != CSF)
    brain = np.pad(brain.transpose(2, 1, 0), [(1, 1), (1, 1), (0, 1)])
    spans = [np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    coarse = ndimage.distance_transform_edt(~brain[::2, ::2, ::2]) * 2
    distance = np.minimum(coarse, FURTHEST_MM).astype(np.uint8)
    for axis, n in enumerate(tissues.shape):
        distance = np.repeat(distance, 2, axis).take(range(n), axis)
    middle = brain_centre(labels)
    return Anatomy(
        np.ascontiguousarray(tissues),
        np.ascontiguousarray(distance),
        three(n + shift for n, shift in zip(middle[::-1], (1, 1, 0), strict=True)),
        three(int(span[-1] - span[0]) + 1 for span in spans),
    )


@cache
def real_anatomy(
    path: Path, kind: str | None, variant: int, params: AnatomyParams, seed: int
) -> Anatomy:
    """Return one of the `VARIANTS` of the head of a map, with a disease or without; it is kept."""

    def build() -> Anatomy:
        labels, own = (
            real_labels(path),
            stable_seed("anatomy", seed, path.name, kind or "", variant),
        )
        if kind is not None:
            labels = with_disease(labels, kind, params.diseases, own)
        return anatomy(divided(labels, own))

    return kept((path.name, md5(path), kind, variant, params.diseases, seed), build)


@cache
def digital_anatomy(number: int, params: AnatomyParams, seed: int) -> Anatomy:
    """Return a digital phantom; the last `n_ill` of all have a disease each, the kinds in turn."""
    ill = number - (params.n_heads - params.n_ill)
    kind = tuple(DISEASES)[ill % len(DISEASES)] if ill >= 0 else None

    def build() -> Anatomy:
        labels = digital_labels(number, params, seed)
        if kind is not None:
            labels = with_disease(labels, kind, params.diseases, TRAINING_SEEDS + number)
        return anatomy(labels)

    return kept((number, kind, params.diseases, params.n_heads, seed), build)


def draw_anatomy(params: AnatomyParams, seed: int, rng: np.random.Generator) -> Anatomy:
    """Draw a head: a real map or a digital one, healthy or with a disease."""
    files = map_files(params)
    real, ill = rng.random() < params.real, rng.random() < params.diseases.real
    number, kind = int(rng.integers(1 << 30)), int(rng.integers(len(DISEASES)))
    variant = int(rng.integers(VARIANTS))
    if not (real and files):
        return digital_anatomy(number % params.n_heads, params, seed)
    path = files[number % len(files)]
    return real_anatomy(path, tuple(DISEASES)[kind] if ill else None, variant, params, seed)
