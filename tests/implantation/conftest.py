"""The scan of a healthy head, read once."""

import pytest

from stages.implantation.healthy_scan import HealthyScan, find_labels, read_healthy
from tests.implantation.heads import SUBJECT, write_healthy


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> HealthyScan:
    """A simulated scan with partial Fourier, its true label map and measured intensities."""
    written = write_healthy(tmp_path_factory.mktemp("healthy"))
    return read_healthy(written.scan, find_labels(written.truth, SUBJECT))
