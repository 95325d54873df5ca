"""Let the pages of `dvc plots` carry Vega themselves, so that they open without a network.

`python -m stages offline-plots`: once a clone; `make` does it after the installation. DVC's own
pages fetch Vega, Vega-Lite and Vega-Embed from a content delivery network.
"""

from pathlib import Path

import vl_convert

from stages.machine.entry import entry_point
from stages.storage.files import atomic_path
from stages.study.errors import StudyError

VEGA_LITE = "5.21"  # the schema of .dvc/plots/*.json is that of version 5
TEMPLATE = Path("plots/page.html")  # below .dvc; not in Git, it is as long as Vega
PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
{refresh_tag}
<title>Plots of the study</title>
<script>%s</script>
<style>body { font-family: sans-serif; margin: 1.5em; } body > div { margin-bottom: 2em; }</style>
</head>
<body>
{plot_divs}
</body>
</html>
"""


def page() -> str:
    """Return DVC's template of a page: its placeholders, and Vega in place of links to it."""
    return PAGE.replace("%s", vl_convert.javascript_bundle(vl_version=VEGA_LITE))  # type: ignore[call-arg]  # optional


@entry_point
def main() -> None:
    """Write the template below .dvc and name it in .dvc/config.local."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        repo = Repo()
    except NotDvcRepoError:
        raise StudyError(
            f"{Path.cwd()}: expected a clone of the study, found no .dvc; change into one"
        ) from None
    with repo, repo.config.edit("local") as config:
        with atomic_path(Path(repo.dvc_dir) / TEMPLATE) as path:
            path.write_text(page(), encoding="utf-8")
        config["plots"]["html_template"] = str(TEMPLATE)
