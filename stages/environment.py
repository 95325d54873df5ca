"""Whether an environment has what `requirements.txt` pins: `python -m stages.environment`.

`make` asks where `.venv` is a link to an environment that others made, which it leaves as it is.
Only Python's own library is needed, so that any environment can answer.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REQUIREMENTS = Path("requirements.txt")
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^;\s]+)(?:\s*;\s*(?P<marker>.+))?")
LINUX = 'sys_platform == "linux"'  # the one marker in the file
NEEDED = (3, 12)
SHOWN = 3  # of the packages that differ


def pins(text: str) -> dict[str, str]:
    """Return the version of every package that a requirements file pins for this system."""
    found = [PIN.fullmatch(line.strip()) for line in text.splitlines()]
    return {
        pin["name"]: pin["version"]
        for pin in found
        if pin and (pin["marker"] != LINUX or sys.platform == "linux")
    }


def installed(name: str) -> str:
    """Return the version of a package in this environment, without a local suffix."""
    try:
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return "none"


def fault() -> str | None:
    """Return in a line what the environment lacks, nothing where it has all."""
    if sys.version_info < NEEDED:
        expected, got = ".".join(map(str, NEEDED)), sys.version.split()[0]
        return f"expected Python {expected} or newer, got {got}"
    wanted = pins(REQUIREMENTS.read_text(encoding="utf-8"))
    came = {name: installed(name) for name in wanted}
    wrong = [name for name in wanted if came[name] != wanted[name]]
    if not wrong:
        return None
    some = ", ".join(f"{name}=={wanted[name]} (got {came[name]})" for name in wrong[:SHOWN])
    others = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return f"expected the versions of {REQUIREMENTS}: {some}{others}"


def main() -> None:
    """Print what is wrong, if anything is, in a line, with exit code 1."""
    line = fault()
    if line is not None:
        print(
            f"error: {Path(sys.prefix).resolve()}: {line}; install them there, or remove the link"
            " (`rm .venv`): make then builds an environment",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
