"""The methods of a study of images or volumes from elsewhere, as text for a paper."""

from stages.figures.kit.facts import Facts
from stages.figures.kit.phrasing import counted, listed, number, percent
from stages.figures.kit.titles import title
from stages.page.methods_section import Citations, software
from stages.params.deformation import DeformationParams
from stages.params.external import ExternalParams, ExternalSection
from stages.params.measure import MeasureParams
from stages.params.segment import SegmentParams
from stages.segmenters.catalogue import kind_of
from stages.study.groups import Group
from stages.study.references import Reference

SAMPLES = {
    True: "the same in all scans (crossed)",
    False: "drawn anew in each scan (nested: no member is the same in two scans)",
}
INTENSITIES = {
    "robust": "Each image was multiplied by one number, so that its 95th percentile over the head"
    " {}",
    "stored": "Intensities were taken as they are stored",
}
GRIDS = {
    "off": "",
    "affine-only": " and resampled to the reference's grid by the coordinates in their headers"
    " (cubic B-splines)",
    "rigid": " and resampled to the reference's grid after a rigid registration (cubic B-splines)",
}


def methods(facts: Facts, external: ExternalSection) -> tuple[list[str], list[Reference]]:
    """Return paragraphs with numbers of references, and the references."""
    works = Citations()
    imaged = bool(facts.imaged)
    paragraphs = [_groups(facts, external), _scales(facts, external), _interpolated(facts)]
    paragraphs += [_segmented(facts, works), _voxelwise(facts)] if imaged else [_measured(facts)]
    paragraphs += [_statistics(facts, works), software()]
    return [text for text in paragraphs if text], works.works


def beside(facts: Facts, external: ExternalSection) -> list[str]:
    """Return the paragraphs of groups from elsewhere beside networks; none without such groups."""
    if not external.groups:
        return []
    text = (
        f"The same scans were studied in {listed(_parts(facts, external))}, made elsewhere:"
        f" [reconstruction]. {_scales(facts, external)} {_interpolated(facts)}".rstrip()
    )
    return [text]


def _parts(facts: Facts, external: ExternalSection) -> list[str]:
    own = external.groups
    groups = [g for g in facts.ensembles.all if g.name in own and not g.kind.target]
    return [_group(group, external.group(group.name)) for group in groups]


def _groups(facts: Facts, external: ExternalSection) -> str:
    size = f"{counted(facts.n_scans, 'scan')} of {counted(facts.n_subjects, 'subject')}"
    parts = _parts(facts, external)
    target = facts.ensembles.target
    against = (
        f" They were compared with {'images' if target.imaged else 'volumes'} of the same scans,"
        " here called the reference."
        if target
        else " There is no reference: what is said is about variability, not about bias."
    )
    return (
        f"{size} were studied in {listed(parts)}, made elsewhere: [scanner, sequence,"
        f" reconstruction].{against}"
    )


def _group(group: Group, params: ExternalParams) -> str:
    kind = "images" if group.imaged else "volumes"
    if not group.kind.repeated:
        return f"{title(group.name)} (one of its {kind} a scan{GRIDS[params.resample]})"
    return (
        f"{title(group.name)} ({kind} of up to {counted(len(group.members), 'member')},"
        f" {SAMPLES[group.crossed]}{GRIDS[params.resample]})"
    )


def _interpolated(facts: Facts) -> str:
    """Return what interpolation alone does to volumes, measured on the reference."""
    found = []
    for group in facts.ensembles.all:
        sizes = facts.get("volumes", group.name, "bias") if group.kind.interpolated else None
        if sizes:
            middle = facts.get("volumes", group.name, "absolute_bias", "median")
            most = max(sizes, key=lambda name: abs(sizes[name]))
            found.append(
                f"{number(middle)} % in the median over structures and by {number(sizes[most])} %"
                f" in the most affected one ({title(most).lower()}; {title(group.name).lower()})"
            )
    if not found:
        return ""
    return (
        "What interpolation alone does to volumes was measured on the reference, resampled to the"
        " grid of the images and back, hence interpolated twice, and segmented again: its volumes"
        f" changed by {listed(found)}."
    )


def _scales(facts: Facts, external: ExternalSection) -> str:
    used = dict.fromkeys(p.intensities for p in external.groups.values() if p.imaged)
    unit = "is the reference's" if facts.ensembles.target else "is that of the scan's first image"
    return " ".join(f"{INTENSITIES[name].format(unit)}." for name in used)


def _measured(facts: Facts) -> str:
    n = counted(len(facts.params.structures), "structure")
    return (
        f"Volumes of {n} were measured by [segmenter and version], left and right summed; no image"
        f" was read here. {_defined(facts, 'the reference')}"
    )


def _segmented(facts: Facts, works: Citations) -> str:
    params = SegmentParams.load()
    words = kind_of(params).words(params)
    cited = f" {works.cite(*words.works)}" if words.works else ""
    n = counted(len(facts.params.structures), "structure")
    return (
        f"Volumes of {n} were measured by {words.text}{cited}, left and right summed."
        f" {_defined(facts, 'the same segmenter on the reference image')}"
    )


def _defined(facts: Facts, against: str) -> str:
    """Return what variability and bias are, as far as there are such."""
    spread = "variability is the coefficient of variation over members"
    bias = f"bias is the mean relative difference from {against}"
    said = [spread] * bool(facts.ensembles.ensembles) + [bias] * bool(facts.ensembles.target)
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if said else ""


def _voxelwise(facts: Facts) -> str:
    bins = MeasureParams.load().histogram_bins
    smooth = DeformationParams.load().smoothing_mm
    unit = "the reference" if facts.ensembles.target else "the first image of each scan"
    said = []
    if facts.ensembles.ensembles:
        said.append(
            "Voxelwise uncertainty is the standard deviation over members, in units of the median"
            f" intensity of white matter of {unit}; its histograms have {bins} bins."
        )
    if facts.ensembles.target:
        said.append(
            "Apparent changes of volume come from diffeomorphic demons of each image to the"
            f" reference (displacements smoothed by {smooth:g} mm)."
        )
    return " ".join(said)


def _statistics(facts: Facts, works: Citations) -> str:
    level = percent(100 * facts.params.level, 0)
    return (
        f"{level} intervals are of other subjects and other members; percentiles are of"
        f" {counted(facts.params.bootstrap_draws, 'bootstrap draw')} of subjects, widened for few"
        f" subjects {works.cite('bootstrap')}. Questions as in {works.cite('paper')}, as far as"
        " the data answer them."
    )
