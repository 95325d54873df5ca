"""Draw the figures of the study from its tables, images and segmentations, and write its page.

`python -m stages.report`: writes plots/*.png and plots/report.html, the same bytes each time.
"""

from stages.figures import cohort
from stages.figures.catalogue import figures
from stages.figures.kit.style import save
from stages.machine.entry import entry_point
from stages.page.render import write_page
from stages.params.analyse import AnalyseParams
from stages.params.data import DataParams
from stages.params.ensembles import EnsembleParams
from stages.params.report import ReportParams
from stages.study import layout


@entry_point
def main() -> None:
    """Draw every figure, then put all together on one page."""
    data = DataParams.load()
    drawn = figures(EnsembleParams.load(), AnalyseParams.load(), ReportParams.load())
    for name, figure in drawn:
        save(figure, layout.PLOTS / f"{name}.png")
    cohort.draw(layout.DATA, layout.PLOTS / "cohort.png", data)
    write_page(layout.PLOTS / "report.html")


if __name__ == "__main__":
    main()
