"""Masks: other masks of the study's kind and acceleration; the fully sampled scan is at hand."""

from stages.kspace.masks.scan_mask import draw_scan_mask
from stages.params.mask import READ, MaskParams
from stages.recon.draws.protocol import DrawMethod, Measurement, Take
from stages.study.errors import StudyError


def measure(take: Take) -> Measurement:
    """Return the scan with another mask; `StudyError` if the study's masks are not drawn."""
    params = MaskParams.load()
    if params.kind in READ:
        raise StudyError(
            f"params.yaml: 'draws.{take.name}': expected a kind of masks that are drawn, got"
            f" mask.kind {params.kind}, which reads them; take another method of draws"
        )
    mask = draw_scan_mask(take.scan, params, take.seed)
    return Measurement(take.scan.batches(take.batch_size), mask)


MASKS = DrawMethod("masks", "the mask, of one kind and acceleration", measure)
