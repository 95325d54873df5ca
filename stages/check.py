"""Check the whole of params.yaml against its schema, whatever the stages that read it.

The graph must have the stages of every architecture, and every architecture members.
"""

from stages.errors import door
from stages.params.study import load_all
from stages.pipeline.completeness import check_members


@door
def main() -> None:
    """Read every section; the first fault is the last line."""
    check_members(load_all()["ensembles"].architectures)


if __name__ == "__main__":
    main()
