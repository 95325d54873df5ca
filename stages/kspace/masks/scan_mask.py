"""A mask of the study's kind for one scan, whatever its name and seed."""

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.acquired import within_region
from stages.kspace.masks.catalogue import chosen
from stages.kspace.masks.protocol import Target
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.whole_lines import check_whole_lines
from stages.params.mask import MaskParams
from stages.storage.nifti import subject
from stages.study.pairs import matched_healthy


def draw_scan_mask(scan: Scan, params: MaskParams, seed: int) -> SamplingMask:
    """Return a mask for a scan, drawn with a seed; `StudyError` if there is no such mask.

    Kinds that read masks find that of the scan's name; a pathological phantom has that of its
    matched healthy one.
    """
    kind, head = chosen(params), matched_healthy(subject(scan.path))
    target = Target((scan.n_ky, scan.n_kz), scan.n_acquired, seed, head)
    found = within_region(lambda asked: kind.mask(asked, target), params, scan.acquired)
    check_whole_lines(found, scan, params)
    return found
