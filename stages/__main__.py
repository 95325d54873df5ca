"""The commands of the study that are no stages: `python -m stages` lists them."""

import sys

from stages.commands import catalogue


def main(arguments: list[str]) -> None:
    """List the commands, or run the one that is named first with the arguments behind it."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(catalogue.listing())
        return
    catalogue.run(arguments[0], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
