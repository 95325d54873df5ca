"""Digital heads that several tests look at; each takes seconds to build."""

import pytest

from stages.anatomy.head import Head, digital_head

AGES = (35.0, 50.0, 65.0)


@pytest.fixture(scope="session")
def heads() -> list[Head]:
    """Three heads over the range of ages."""
    return [digital_head(seed, age_years=age) for seed, age in enumerate(AGES)]
