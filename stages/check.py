"""Check the whole of params.yaml against its schema, whatever the stages that read it."""

from stages.errors import door
from stages.params.study import load_all


@door
def main() -> None:
    """Read every section; the first fault is the last line."""
    load_all()


if __name__ == "__main__":
    main()
