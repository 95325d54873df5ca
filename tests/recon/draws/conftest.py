"""One scan as a member of a group of draws meets it."""

from collections.abc import Callable

import pytest

from stages.kspace.formats.protocol import Scan
from stages.kspace.masks.sampling import SamplingMask
from stages.params.draws import DrawsParams
from stages.recon.draws.protocol import Take


@pytest.fixture
def take(scan: Scan, drawn: SamplingMask) -> Callable[..., Take]:
    """Return a function from a method, its options and a member to a take."""

    def made(method: str, member: int = 0, batch_size: int = 4, **options: object) -> Take:
        params = DrawsParams(of="unet/0", method=method, members=(0, 1), **options)
        return Take(scan, drawn, params, "mine", member, "sub-a", batch_size)

    return made
