"""What each stage script runs, as one digest a script: the record that tells DVC what is stale.

python -m stages.code
"""

from pathlib import Path

from stages.machine.entry import entry_point
from stages.provenance.code import digests, scripts
from stages.storage.files import atomic_directory, write_json
from stages.study import layout


@entry_point
def main() -> None:
    """Write `work/code/<script>.json`, the digest of all that a stage script runs."""
    root = Path.cwd()
    with atomic_directory(layout.CODE) as folder:
        for script, digest in digests(scripts(root), root).items():
            write_json(folder / f"{script.split('.')[-1]}.json", {"code": digest})


if __name__ == "__main__":
    main()
