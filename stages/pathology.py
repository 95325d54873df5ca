"""Test whether the SD of an ensemble trained on healthy phantoms indicates its error on pathology.

`python -m stages.pathology`: compares each pathological phantom with its matched healthy phantom.
A study without such pairs, or without known volumes, gets files that state the reason.
"""

import sys

import pandas as pd

from stages.machine.entry import entry_point
from stages.measures.members import scans
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.statistics.matched_phantoms import volume_table, voxel_table
from stages.statistics.methods.gaps import without_gaps
from stages.statistics.questions.pathology import COLUMNS, phantom_pairs, summarise
from stages.storage.files import write_json
from stages.storage.tables import write_table, write_tables
from stages.study import layout
from stages.study.groups import FULLY_SAMPLED
from stages.study.schema import AFFECTED_VOXELS

NO_TRUTH = "no true volumes: the cohort is not simulated"
NO_PAIRS = "no scan with a pathology: phantom.pathology.heads is 0"


def answer(
    ensembles: EnsembleParams, params: AnalyseParams
) -> tuple[dict[str, object], pd.DataFrame, pd.DataFrame]:
    """Return the metrics, the table of volumes and the table of voxels."""
    subjects = scans()
    nothing = pd.DataFrame(columns=AFFECTED_VOXELS.columns)
    groups = [ensembles.group(name, at_least=2) for name in ensembles.architectures]
    volumes = volume_table(groups, subjects, params)
    if volumes is None:
        return {"skipped": NO_TRUTH}, pd.DataFrame(columns=COLUMNS), nothing
    found = phantom_pairs(subjects)
    if not found:
        return {"skipped": NO_PAIRS}, volumes, nothing
    voxels = voxel_table(groups, found)
    tree, gaps = without_gaps(summarise(volumes, voxels, FULLY_SAMPLED.name))
    if gaps:
        path = layout.metric("pathology", "pathology")
        print(f"{path}: {len(gaps)} undefined: {', '.join(gaps)}", file=sys.stderr)
    return tree, volumes, voxels


@entry_point
def main() -> None:
    """Write the metrics, the table of volumes and work/pathology/voxels.csv."""
    tree, volumes, voxels = answer(EnsembleParams.load(), AnalyseParams.load())
    write_tables(layout.PATHOLOGY, {AFFECTED_VOXELS.name: voxels})
    write_json(layout.metric("pathology", "pathology"), tree)
    write_table(layout.table("pathology", "pathology"), volumes)


if __name__ == "__main__":
    main()
