"""Write the true volumes of a simulated cohort as a tidy table; none for scans of persons.

`python -m stages.truth`: work/truth/volumes.csv.
"""

from stages.machine.entry import entry_point
from stages.measures.members import volume_table
from stages.storage.tables import write_tables
from stages.study import layout, schema


@entry_point
def main() -> None:
    """Write the table; the folder is empty where the data has no truth."""
    known = layout.true_volumes()
    tables = {schema.TRUE_VOLUMES.name: volume_table(known)} if known.exists() else {}
    write_tables(layout.TRUE_MEASURES, tables)


if __name__ == "__main__":
    main()
