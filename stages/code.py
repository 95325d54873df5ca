"""What each stage script runs, module by module: the record that tells DVC which stages are stale.

python -m stages.code
"""

from pathlib import Path

from stages.machine.entry import entry_point
from stages.provenance.code import digests, scripts
from stages.storage.files import atomic_directory, write_json
from stages.study import layout


@entry_point
def main() -> None:
    """Write `work/code/<script>.json`: the MD5 of every module that a stage script runs."""
    root = Path.cwd()
    with atomic_directory(layout.CODE) as folder:
        for script in scripts(root):
            write_json(folder / f"{script.split('.')[-1]}.json", digests(script, root))


if __name__ == "__main__":
    main()
