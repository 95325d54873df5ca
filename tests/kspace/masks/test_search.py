"""What no kind of Poisson-disk masks can draw is one line that says what to change."""

from collections.abc import Callable

import pytest

from stages.kspace.masks import uniform_poisson, variable_density_poisson
from stages.kspace.masks.sampling import SamplingMask
from stages.kspace.masks.search import MaskOptions
from stages.study.errors import StudyError


@pytest.mark.parametrize("kind", [uniform_poisson, variable_density_poisson])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (MaskOptions(4.0, "acquired", 1e-4, 0.01), "no calibration region on a 24 x 20 matrix"),
        (MaskOptions(20.0, "acquired", 0.2, 0.01), "calibration region alone allows"),
        (MaskOptions(1.05, "full", 0.03, 0.01), "below what partial Fourier leaves"),
        (MaskOptions(4.1, "acquired", 0.03, 1e-9), "raise mask.tolerance of the kind"),
    ],
)
def test_what_cannot_be_drawn(kind: object, options: MaskOptions, message: str) -> None:
    draw: Callable[..., SamplingMask] = kind.draw_mask
    with pytest.raises(StudyError, match=message):
        draw((24, 20), 17, options, 0)
