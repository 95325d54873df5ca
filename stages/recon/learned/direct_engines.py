"""The part of DIRECT that its engines share: heavy (scikit-learn, tensorboard).

`python -m stages launch` loads it once for all of its stages; otherwise only those that run a
network pay for it. DIRECT needs torchvision for the pictures of its own training loop alone, and
half of this module's time would be torchvision's, so that it is left out here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

NAMES = ("torchvision", "torchvision.utils")


@contextmanager
def torchvision_on_demand() -> Iterator[None]:
    """Let DIRECT be imported without torchvision, whose `make_grid` it still finds."""

    def make_grid(*arguments: Any, **options: Any) -> object:
        return import_module("torchvision.utils").make_grid(*arguments, **options)

    if NAMES[0] in sys.modules:
        yield
        return
    sys.modules |= {name: ModuleType(name) for name in NAMES}
    sys.modules[NAMES[1]].make_grid = make_grid  # type: ignore[attr-defined]  # new
    try:
        yield
    finally:
        for name in NAMES:
            del sys.modules[name]


with torchvision_on_demand():
    import_module("direct.nn.mri_models")
