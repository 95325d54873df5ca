"""Read volumes and voxelwise statistics of one group off its files, as tidy tables.

`python -m stages.measure unet`: `work/measures/unet/*.csv`.
"""

from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.machine.memory import map_large_blocks
from stages.measures.members import scans
from stages.measures.scan_tables import group_tables
from stages.params.ensembles import EnsembleParams
from stages.params.measure import MeasureParams
from stages.provenance.checks import check_group, check_label_maps
from stages.storage.tables import write_tables
from stages.study import layout


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Measure the group named on the command line."""
    ensembles, params = EnsembleParams.load(), MeasureParams.load()
    name = group_argument(arguments, "measure", ensembles.groups)
    map_large_blocks()
    subjects = scans()
    group = ensembles.group(name, at_least=2)
    check = check_group if group.kind.repeated else check_label_maps
    check(group, subjects)
    write_tables(layout.measures(name), group_tables(group, subjects, params))


if __name__ == "__main__":
    main()
