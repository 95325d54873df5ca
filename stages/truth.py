"""Write true volumes and thickness of a simulated cohort as tidy tables; none for scans of persons.

`python -m stages.truth`: work/truth/volumes.csv, thickness.csv.
"""

from stages.machine.entry import entry_point
from stages.measures.members import volume_table
from stages.measures.thickness.mean_thickness import true_thickness
from stages.storage.tables import write_tables
from stages.study import layout, schema


@entry_point
def main() -> None:
    """Write the tables; the folder is empty where the data has no truth."""
    known, tables = layout.true_volumes(), {}
    if known.exists():
        volumes = volume_table(known)
        subjects = [s for s in volumes["subject"].unique() if layout.true_labels(s).exists()]
        tables[schema.TRUE_VOLUMES.name] = volumes
        tables[schema.TRUE_THICKNESS.name] = true_thickness(subjects)
    write_tables(layout.TRUE_MEASURES, tables)


if __name__ == "__main__":
    main()
