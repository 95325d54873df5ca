"""Read volumes of one group that other programs measured, as tidy tables.

`python -m stages.measure_from_volumes mine`: `work/measures/mine/volumes.csv` and
`work/members/mine.csv`.
"""

from stages.external.volume_import import group_volumes
from stages.machine.arguments import group_argument
from stages.machine.entry import entry_point
from stages.params.external import ExternalSection
from stages.storage.files import atomic_path
from stages.storage.tables import write_tables
from stages.study import layout
from stages.study.schema import VOLUMES


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Read the group named on the command line."""
    external = ExternalSection.load()
    name = group_argument(arguments, "measure_from_volumes", external.groups)
    volumes, members = group_volumes(name, external.group(name))
    with atomic_path(layout.members(name)) as path:
        members.to_csv(path, index=False)
    write_tables(layout.measures(name), {VOLUMES.name: volumes})


if __name__ == "__main__":
    main()
