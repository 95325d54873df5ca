"""All answers together: what was not measured is stated."""

import pytest

from stages.page.answers.catalogue import answers
from stages.page.answers.headline_table import headline
from stages.page.answers.predictability import prediction
from tests.page.results import metrics, without


@pytest.mark.parametrize("files", [tuple(metrics()), *[(name,) for name in metrics()]])
def test_what_was_not_measured_is_said(files: tuple[str, ...]) -> None:
    found = without(*files)
    written = " ".join(a.verdict + " ".join(a.evidence) for a in answers(found))
    assert "None" not in written
    assert "nan" not in written
    assert len(headline(found)) == len(found.groups)
    if "volumes" in files:
        assert "The variability of volumes was not measured. Bias was not measured." in " ".join(
            a.verdict for a in answers(found)
        )
    if "inference" in files:
        assert prediction(found).verdict == "This was not tested."
