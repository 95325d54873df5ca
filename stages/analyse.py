"""Put the study's questions to the tidy tables of all groups, and write the answers.

`python -m stages.analyse`: light; every number comes from work/measures and its like.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from stages.machine.entry import entry_point
from stages.params.analyse import AnalyseParams
from stages.params.ensembles import EnsembleParams
from stages.params.noise import NoiseParams
from stages.statistics.answer import Answer
from stages.statistics.catalogue import answer_all
from stages.statistics.cohort import read_cohort
from stages.statistics.methods.gaps import without_gaps
from stages.storage.files import atomic_directory, write_json
from stages.storage.tables import write_table
from stages.study import layout

STAGE = "analyse"
SKIPPED = "skipped"  # metrics file of the questions that were not asked


def write_metrics(final: Path, path: Path, answer: Answer) -> None:
    """Write the numbers of an answer without what is undefined; that is named on stderr.

    Args:
        final: name of the file that the user will find.
        path: where to write it.
        answer: of one question.
    """
    metrics, gaps = without_gaps(answer.metrics)
    if missing := [*answer.undefined, *gaps]:
        names = ", ".join(missing)
        print(f"{final}: {len(missing)} undefined, left out: {names}", file=sys.stderr)
    write_json(path, metrics)


def tell_skipped(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Return question -> why it was not asked, and say it on stderr."""
    skipped = {name: answer.skipped for name, answer in answers.items() if answer.skipped}
    for name, reason in skipped.items():
        print(f"{STAGE}: {name} is skipped: {reason}", file=sys.stderr)
    return skipped


def write_answers(answers: Mapping[str, Answer]) -> None:
    """Write the metrics and tables of the stage; files of questions that are gone go as well."""
    with atomic_directory(layout.METRICS / STAGE) as folder:
        if skipped := tell_skipped(answers):
            write_json(folder / layout.metric(STAGE, SKIPPED).name, skipped)
        for name, answer in answers.items():
            final = layout.metric(STAGE, name)
            if answer.metrics:
                write_metrics(final, folder / final.name, answer)
    with atomic_directory(layout.PLOTS / STAGE) as folder:
        for answer in answers.values():
            for name, table in answer.tables.items():
                write_table(folder / layout.table(STAGE, name).name, table)


@entry_point
def main() -> None:
    """Write metrics/analyse/*.json, plots/analyse/*.csv and the headline."""
    params, ensembles = AnalyseParams.load(), EnsembleParams.load()
    noise = NoiseParams.load() if ensembles.noise else None
    cohort = read_cohort(ensembles, noise, params)
    answers = answer_all(cohort, params)
    headline = answers.pop(layout.HEADLINE.stem)
    write_answers(answers)
    write_metrics(layout.HEADLINE, layout.HEADLINE, headline)


if __name__ == "__main__":
    main()
