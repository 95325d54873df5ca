"""Draw the figures of the study and write its HTML report.

`python -m stages.report`: from tables, images and segmentations to plots/report/, the same bytes
each time.
"""

from stages.figures.catalogue import figures
from stages.figures.kit.facts import load_facts
from stages.figures.kit.style import save
from stages.figures.kit.wording import reworded
from stages.machine.entry import entry_point
from stages.page.render import REPORT, write_report
from stages.study import layout


@entry_point
def main() -> None:
    """Draw every figure, then put all together in the HTML report."""
    facts = load_facts()
    for figure in figures(facts):
        drawn = reworded(figure.draw(facts), facts)
        save(drawn, layout.figure("report", figure.name), vector=figure.vector)
    write_report(REPORT)


if __name__ == "__main__":
    main()
