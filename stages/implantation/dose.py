"""How large an implanted disease is, and how much darker or brighter."""

import re
from dataclasses import dataclass
from math import pi

import numpy as np

from stages.anatomy.diseases.atrophy import HIPPOCAMPUS
from stages.anatomy.diseases.regions import CORTEX, MM3_PER_ML, WHITE_MATTER, sides
from stages.params.phantom import AtrophyParams, PathologyParams
from stages.study.errors import StudyError

SIZE = re.compile(r"(?P<value>\d*\.?\d+)\s*(?P<unit>ml|mL|mm)?")
BRIGHTEST = 10.0
"""Largest contrast: no tissue is so much brighter than another on a T1-weighted image."""
RELATIVE_TO = (*sides(WHITE_MATTER), *sides(CORTEX))
"""Labels that lesions are compared with; what replaces anything else, with white matter."""


@dataclass(frozen=True)
class Dose:
    """Size and contrast of a disease; None: as the parameters say."""

    size_ml: float | None = None
    """Of all lesions of a head, a cavity with its rim, a mass; or what both hippocampi lose."""
    diameter_mm: float | None = None
    """Of a sphere of the volume of each lesion, in place of `size_ml`."""
    contrast: float | None = None
    """Signal of all lesions relative to the tissue that they replace."""
    number: int | None = None
    """Of lesions in white matter."""

    @property
    def words(self) -> str:
        """Return size and contrast for a line of a table."""
        size = "default" if self.size_ml is None else f"{self.size_ml:g} mL"
        size = size if self.diameter_mm is None else f"{self.diameter_mm:g} mm"
        return size if self.contrast is None else f"{size}, contrast {self.contrast:g}"


def parse_size(text: str) -> tuple[float | None, float | None]:
    """Return mL and mm, one of them None, of a size such as `2`, `2mL` or `8mm`.

    Raises:
        StudyError: if it is no positive number with such a unit.
    """
    found = SIZE.fullmatch(text.strip())
    if found is None or float(found["value"]) <= 0:
        raise StudyError(
            f"implant: expected a size above 0 in mL or mm, such as 2, 2mL or 8mm, got '{text}'"
        )
    value = float(found["value"])
    return (None, value) if found["unit"] == "mm" else (value, None)


def parse_contrast(text: str) -> float:
    """Return a ratio of signals; `StudyError` unless it lies above 0 and up to `BRIGHTEST`."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value <= BRIGHTEST:
        raise StudyError(
            "implant: expected a contrast, lesion over the tissue that it replaces, above 0 and up"
            f" to {BRIGHTEST:g}, got '{text}'"
        )
    return value


def planned(
    params: PathologyParams, kind: str, dose: Dose, labels: np.ndarray, voxel_mm3: float
) -> PathologyParams:
    """Return the parameters of a disease of this dose on voxels of nearly 1 mm3.

    Tissue is replaced where it is and never moved, so that a tumour displaces none of it.

    Args:
        params: section `phantom.pathology`.
        kind: the disease.
        dose: what differs from the parameters.
        labels: FreeSurfer ids on the voxels that diseases count.
        voxel_mm3: volume of one of them.

    Raises:
        StudyError: if the dose makes no sense for the disease.
    """
    if kind == "atrophy":
        lost = params.atrophy if dose.size_ml is None else shrunk(params, dose, labels, voxel_mm3)
        return params.model_copy(update={"atrophy": lost})
    n_lesions = 1
    if kind == "lesions":
        n_lesions = params.lesions.number if dose.number is None else dose.number
    size = dose.size_ml
    if dose.diameter_mm is not None:
        size = n_lesions * pi / 6 * dose.diameter_mm**3 / MM3_PER_ML
    if kind == "lesions":
        load = (params.lesions.load_ml if size is None else size) / voxel_mm3
        changed = params.lesions.model_copy(update={"load_ml": load, "number": n_lesions})
        return params.model_copy(update={"lesions": changed})
    own = getattr(params, kind)
    volume = own.volume_ml if size is None else size
    update = {"volume_ml": volume / voxel_mm3}
    if kind == "tumour":
        oedema = own.oedema_ml * volume / own.volume_ml
        update |= {"displacement": 0.0, "oedema_ml": oedema / voxel_mm3}
    return params.model_copy(update={kind: own.model_copy(update=update)})


def shrunk(
    params: PathologyParams, dose: Dose, labels: np.ndarray, voxel_mm3: float
) -> AtrophyParams:
    """Return the atrophy in which both hippocampi lose `size_ml`, all else in proportion."""
    own = params.atrophy
    volume = float(np.isin(labels, sides(HIPPOCAMPUS)).sum()) * voxel_mm3 / MM3_PER_ML
    lost = own.hippocampus * volume
    if not lost:
        raise StudyError(
            "implant: expected hippocampi (labels 17, 53) and phantom.pathology.atrophy.hippocampus"
            " above 0, as --size is what they lose, got none; leave --size out"
        )
    factor = float(dose.size_ml or 0) / lost
    fractions = {name: getattr(own, name) * factor for name in type(own).model_fields}
    largest = max(value for name, value in fractions.items() if name != "ventricles")
    if largest >= 1:
        raise StudyError(
            f"implant: expected a --size below what the structures have, got {dose.size_ml:g} mL of"
            f" hippocampi of {volume:.1f} mL; lower it"
        )
    return own.model_copy(update=fractions)


def check_dose(kind: str, dose: Dose) -> None:
    """Raise `StudyError` for an option that a disease does not have."""
    given = {"--contrast": dose.contrast, "a --size in mm": dose.diameter_mm}
    wrong = [name for name, value in given.items() if value is not None and kind == "atrophy"]
    if dose.number is not None and kind != "lesions":
        wrong.append("--number")
    if wrong:
        raise StudyError(
            f"implant: expected no {wrong[0]} for {kind}, which has none of its own, got one; leave"
            " it out"
        )
    if dose.number is not None and dose.number < 1:
        raise StudyError(f"implant: --number: expected 1 or more lesions, got {dose.number}")
