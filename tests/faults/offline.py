"""Run the scripts on fabricated data where nothing may open a connection: `offline FOLDER`.

Every attempt to look up or reach an address ends the process, within a network namespace or not.
"""

import importlib
import os
import shutil
import sys
from pathlib import Path

FORBIDDEN = {
    "socket.connect",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "urllib.Request",
}
TOY = (
    ("check",),
    ("inspect",),
    ("mask",),
    ("reference",),
    ("segment", "reference", 0),
    ("noise", 0),
    ("train", "unet", 0),
    ("select", "unet", 0),
    ("reconstruct", "unet", 0),
    ("reconstruct", "zero_filled", 0),
    ("commands.export", "unet", 0, "--out", "exported"),
)


def refuse(event: str, arguments: tuple) -> None:
    """End the process at the first event of a network."""
    if event in FORBIDDEN:
        print(f"network: {event} {arguments}", file=sys.stderr, flush=True)
        os._exit(3)


def toy_scripts(folder: Path) -> None:
    """Run the scripts from scans to images and label maps, and import every other."""
    from stages.commands.catalogue import COMMANDS, module_name
    from stages.provenance.code import scripts
    from stages.segmenters.protocol import NO_WEIGHTS
    from stages.segmenters.synthseg import model
    from stages.segmenters.synthseg.labels import MERGED_LABELS, merged_name
    from stages.segmenters.synthseg.network import Architecture
    from tests.scans import ROOT, run, write_toy_params, write_toy_study
    from tests.segmenters.conftest import random_network

    write_toy_study(folder)
    shutil.copy(ROOT / "dvc.yaml", folder)
    names = tuple(merged_name(label) for label in MERGED_LABELS[1:])
    recipe = model.Recipe(voxel_size_mm=4.0, multiple=2, minimum=0, blur=0.0)
    network = random_network(Architecture(1, len(MERGED_LABELS), (2, 3)))
    model.save(folder / "tiny.npz", model.Model({"unet": network}, MERGED_LABELS, names, recipe))
    changes = {"segment.weights": "tiny.npz", "noise.definition": "kspace_db"}
    changes |= {"segment.networks": NO_WEIGHTS}
    write_toy_params(folder, **changes)
    os.chdir(folder)
    for script, *arguments in TOY:
        run(script, *arguments)
    for module in (*scripts(ROOT), *(f"stages.commands.{module_name(c)}" for c in COMMANDS)):
        importlib.import_module(module)


def statistics_scripts(folder: Path) -> None:
    """Run the scripts from images to numbers."""
    from stages import measure
    from tests.fabricated import Study, write_study

    study = Study(n_members=3, n_scans=2)
    folder.mkdir()
    write_study(folder, study)
    os.chdir(folder)
    for group in study.members():
        measure.main([group])


if __name__ == "__main__":
    sys.addaudithook(refuse)
    root = Path(sys.argv[1]).resolve()
    toy_scripts(root / "toy")
    statistics_scripts(root / "fabricated")
    print("offline: done")
