"""One sampling mask a scan, in a folder for each part of the cohort; how much they accelerate.

python -m stages.mask
"""

from typing import Any

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.kspace.masks.catalogue import chosen
from stages.kspace.masks.sampling import SamplingMask, save_mask
from stages.kspace.masks.scan_mask import draw_scan_mask
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.storage.files import atomic_directory, write_json
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.distinct import first_clash
from stages.study.errors import StudyError
from stages.study.pairs import matched_healthy
from stages.study.seeds import stable_seed


def mask_of(scan: Scan, params: MaskParams) -> SamplingMask:
    """Return a scan's mask; it depends on the scan's name and the mask seed, on no path.

    A pathological phantom has the mask of its matched healthy one.
    """
    head = matched_healthy(subject(scan.path))
    return draw_scan_mask(scan, params, stable_seed("mask", head, params.seed))


def check_distinct(scans: list[Scan]) -> None:
    """Raise `StudyError` if two scans would share one label and so overwrite each other."""
    if clash := first_clash((scan.path for scan in scans), subject):
        path, other = clash
        raise StudyError(
            f"{path}: expected a label of its own, got {subject(path)}, which is {other}'s too;"
            " rename one scan"
        )


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, smallest and largest value."""
    return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}


def summary(drawn: list[SamplingMask], params: MaskParams) -> dict[str, Any]:
    """Return the kind of the masks, their accelerations and their numbers of k-space samples."""
    return {
        "kind": params.kind,
        "description": chosen(params).words(params),
        "n_masks": len(drawn),
        "acceleration": {
            "acquired": spread([mask.acceleration_acquired for mask in drawn]),
            "full": spread([mask.acceleration_full for mask in drawn]),
        },
        "samples": {
            "all": spread([int(mask.mask.sum()) for mask in drawn]),
            "calibration": spread([int(mask.calibration.sum()) for mask in drawn]),
        },
    }


@entry_point
def main() -> None:
    """Write `work/masks/<part>/<subject>_mask.npz` and `metrics/mask/masks.json`."""
    data, params = DataParams.load(), MaskParams.load()
    file_format = scan_format(data)
    parts = {
        part: list_scans(where, file_format, files) for part, (where, files) in data.parts.items()
    }
    scans = list({scan.path: scan for part in parts.values() for scan in part}.values())
    check_distinct(scans)
    with atomic_directory(layout.MASKS) as folder:
        bar = progress(scans, desc="masks", unit="scan")
        masks = {scan.path: mask_of(scan, params) for scan in bar}
        for part, listed in parts.items():
            for scan in listed:
                final = layout.mask(subject(scan.path), part)
                save_mask(folder / final.relative_to(layout.MASKS), masks[scan.path])
    write_json(layout.metric("mask", "masks"), summary(list(masks.values()), params))


if __name__ == "__main__":
    main()
