"""`--tiny`: every way of a benchmark at the smallest sizes, where times mean nothing."""

import argparse
import sys
from collections.abc import Sequence


def parsed(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, **tiny: object
) -> argparse.Namespace:
    """Return the options of a benchmark, after `--tiny` has been added to them.

    Args:
        parser: with all other options.
        arguments: of the command line; None for those of the process.
        tiny: option -> its value under `--tiny`, unless it is given; a folder that must be named
            otherwise need not be.
    """
    parser.add_argument("--tiny", action="store_true", help="smallest sizes: times mean nothing")
    if "--tiny" in (sys.argv[1:] if arguments is None else arguments):
        parser.set_defaults(**tiny)
        for action in parser._actions:
            if action.dest in tiny and not action.option_strings:
                action.nargs, action.required, action.default = "?", False, tiny[action.dest]
    return parser.parse_args(arguments)
