"""Write the stages of the groups of images from elsewhere of a study of k-space.

python -m stages external

Section `external` of params.yaml names the groups; external/dvc.yaml has their stages, each image
a dependency. Once more after a table or a pattern has other images.
"""

import argparse

from stages.audit.beside import graph_beside
from stages.audit.writing import BESIDE
from stages.machine.entry import entry_point
from stages.storage.files import atomic_path


@entry_point
def main(arguments: list[str] | None = None) -> None:
    """Write external/dvc.yaml, or remove it where there is no such group."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(arguments)
    text = graph_beside()
    if text is None:
        BESIDE.unlink(missing_ok=True)
        return
    BESIDE.parent.mkdir(exist_ok=True)
    with atomic_path(BESIDE) as path:
        path.write_text(text, encoding="utf-8")
    print(f"{BESIDE}: written; `dvc repro` runs its stages with those of the study")
