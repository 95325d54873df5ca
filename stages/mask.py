"""One sampling mask a scan, training and validation, and how much each accelerates.

python -m stages.mask
"""

from pathlib import Path

from stages.kspace.formats.catalogue import list_scans
from stages.kspace.formats.protocol import Scan
from stages.kspace.image_files import scan_format
from stages.kspace.masks.acquired import within_region
from stages.kspace.masks.catalogue import chosen
from stages.kspace.masks.sampling import SamplingMask, save_mask
from stages.machine.entry import entry_point
from stages.machine.progress import progress
from stages.params.data import DataParams
from stages.params.mask import MaskParams
from stages.storage.files import atomic_directory, write_json
from stages.storage.nifti import subject
from stages.study import layout
from stages.study.errors import StudyError
from stages.study.pairs import matched_healthy
from stages.study.seeds import stable_seed


def mask_of(scan: Scan, params: MaskParams) -> SamplingMask:
    """Return a scan's mask; it depends on the scan's name and the mask seed, on no path.

    Twins of a simulated head have the same mask: they differ in the head alone.
    """
    head = matched_healthy(subject(scan.path))
    shape, seed = (scan.n_ky, scan.n_kz), stable_seed("mask", head, params.seed)
    kind = chosen(params)
    return within_region(
        lambda asked: kind.mask(asked, shape, scan.n_acquired, seed), params, scan.acquired
    )


def check_distinct(scans: list[Scan]) -> None:
    """Raise `StudyError` if two scans would share one label and so overwrite each other."""
    seen: dict[str, Path] = {}
    for scan in scans:
        other = seen.setdefault(subject(scan.path), scan.path)
        if other != scan.path:
            raise StudyError(
                f"{scan.path}: expected a label of its own, got {subject(scan.path)},"
                f" which is {other}'s too; rename one scan"
            )


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, smallest and largest value."""
    return {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}


@entry_point
def main() -> None:
    """Write `work/masks/<subject>_mask.npz` and `metrics/mask/masks.json`."""
    data, params = DataParams.load(), MaskParams.load()
    file_format = scan_format(data)
    parts = (data.train, data.train_files), (data.validation, data.validation_files)
    listed = [list_scans(layout.DATA / name, file_format, files) for name, files in parts]
    scans = list({scan.path: scan for part in listed for scan in part}.values())
    check_distinct(scans)
    drawn = []
    with atomic_directory(layout.MASKS) as folder:
        for scan in progress(scans, desc="masks", unit="scan"):
            drawn.append(mask_of(scan, params))
            save_mask(folder / layout.mask(subject(scan.path)).name, drawn[-1])
    accelerations = {
        "acquired": spread([mask.acceleration_acquired for mask in drawn]),
        "full": spread([mask.acceleration_full for mask in drawn]),
    }
    write_json(layout.metric("mask", "masks"), {"acceleration": accelerations})


if __name__ == "__main__":
    main()
