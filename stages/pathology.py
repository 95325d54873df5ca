"""Ask whether ensembles know when they are wrong about heads unlike those they were trained on.

`python -m stages.pathology`: compares scans with a pathology with their healthy twins, scan by
scan; without twins or known volumes it says so and writes its files all the same.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd

from stages.machine.entry import entry_point
from stages.machine.lookahead import ahead
from stages.machine.progress import progress
from stages.measures.members import (
    Reference,
    load_like,
    load_reference,
    read_table,
    scans,
    write_tables,
)
from stages.measures.voxelwise import WHITE_MATTER, flat, gather, mean_and_std
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import REFERENCE, EnsembleParams
from stages.statistics.methods.gaps import grid, without_gaps
from stages.statistics.questions.pathology import (
    COLUMNS,
    VOXEL_COLUMNS,
    Voxels,
    pairs,
    summarise,
    volume_cells,
    voxel_row,
)
from stages.storage.files import atomic_path, write_json
from stages.study import layout

READERS = 2  # files read at a time
FLOAT_FORMAT = "%.6g"
WHERE = ["group", "kind", "head", "subject"]
VOLUME_COLUMNS = ["group", "member", "subject", "structure", "volume_mm3"]
NO_TRUTH = "no true volumes: the cohort is not simulated"
NO_TWINS = "no scan with a pathology: phantom.pathology.heads is 0"


def cells_of(
    groups: tuple[str, ...], subjects: list[str], params: AnalyseParams
) -> pd.DataFrame | None:
    """Return the table of volumes, or None without true volumes."""
    path = layout.measures(REFERENCE) / "truth.csv"
    if not path.exists():
        return None
    truth = read_table(path, ["subject", "structure", "volume_mm3"])
    tables = [read_table(layout.measures(g) / "volumes.csv", VOLUME_COLUMNS) for g in groups]
    volumes = [grid(table, params.structures, subjects)[0] for table in tables]
    return volume_cells(pd.concat(volumes, ignore_index=True), truth, params.level)


def voxels_of(
    group: str, members: tuple[int, ...], scan: Reference, positions: np.ndarray, scale: float
) -> Voxels:
    """Read the images of all members of one scan at some voxels; white matter's unit is `scale`."""
    paths = [layout.image(group, member, scan.subject) for member in members]
    images = ahead(lambda path: load_like(path, scan.image.shape), paths, READERS)
    mean, std = mean_and_std(gather(images, positions, len(members)))
    reference = np.abs(flat(scan.image)[positions]).astype(np.float64)
    return Voxels(reference / scale, mean / scale, std / scale)


def compare_twins(
    ill_name: str, healthy_name: str, kind: str, ensembles: EnsembleParams
) -> list[dict[str, Any]]:
    """Return a row of `VOXEL_COLUMNS` for each architecture: one scan against its healthy twin."""
    ill, healthy = load_reference(ill_name), load_reference(healthy_name)
    path = layout.affected(ill_name, kind)
    changed = flat(load_like(path, ill.image.shape)) != 0
    white = np.isin(flat(ill.labels), WHITE_MATTER)
    positions = np.flatnonzero(changed | white)
    affected = changed[positions]
    rows = []
    for group in ensembles.architectures:
        members = ensembles.members(group, at_least=2)
        seen, twin = (
            voxels_of(group, members, scan, positions, healthy.scale) for scan in (ill, healthy)
        )
        where = dict(zip(WHERE, (group, kind, healthy_name, ill_name), strict=True))
        rows.append(where | voxel_row(seen, twin, affected, ~affected, len(members)))
    return rows


def answer(
    ensembles: EnsembleParams, params: AnalyseParams
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return the metrics, the table of volumes and the table of voxels."""
    subjects = scans()
    nothing = pd.DataFrame(columns=[*WHERE, *VOXEL_COLUMNS])
    cells = cells_of((*ensembles.architectures, REFERENCE), subjects, params)
    if cells is None:
        return {"skipped": NO_TRUTH}, pd.DataFrame(columns=COLUMNS), nothing
    found = pairs(subjects)
    if not found:
        return {"skipped": NO_TWINS}, cells, nothing
    rows = [
        row
        for pair in progress(found, desc="pathology", unit="scan")
        for row in compare_twins(*pair, ensembles)
    ]
    voxels = pd.DataFrame(rows, columns=nothing.columns)
    tree, gaps = without_gaps(summarise(cells, voxels, REFERENCE))
    if gaps:
        path = layout.metric("pathology", "pathology")
        print(f"{path}: {len(gaps)} undefined: {', '.join(gaps)}", file=sys.stderr)
    return tree, cells, voxels


@entry_point
def main() -> None:
    """Write the metrics, the table of volumes and work/pathology/voxels.csv."""
    tree, cells, voxels = answer(EnsembleParams.load(), AnalyseParams.load())
    write_tables(layout.PATHOLOGY, {"voxels": voxels})
    write_json(layout.metric("pathology", "pathology"), tree)
    with atomic_path(layout.table("pathology", "pathology")) as path:
        cells.to_csv(path, index=False, float_format=FLOAT_FORMAT)


if __name__ == "__main__":
    main()
