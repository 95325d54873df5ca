"""Pages of `dvc plots`: they carry Vega, and a browser without a network draws all of them."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from stages.commands import offline_plots
from tests.fabricated import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = ("--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND")


def dvc(*arguments: str) -> None:
    """Run DVC in the current directory."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of all plots of the committed tables, in a repository of its own."""
    folder = tmp_path_factory.mktemp("plots")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        dvc("init", "-q", "--no-scm")
        shutil.copytree(ROOT / ".dvc/plots", ".dvc/plots", dirs_exist_ok=True)
        shutil.copytree(ROOT / "plots", "plots", ignore=shutil.ignore_patterns("report"))
        Path("dvc.yaml").write_text(yaml.safe_dump({"plots": definitions()}))
        Path(".dvc/plots/page.html").unlink(missing_ok=True)
        offline_plots.main()
        dvc("plots", "show")
    return folder / "dvc_plots/index.html"


def definitions() -> list[dict]:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]


def test_the_page_asks_for_nothing(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"<(script|link)[^>]* (src|href)=", text)
    assert text.count("vegaEmbed('#") == len(definitions())


def test_a_browser_without_a_network_draws_every_plot(page: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    wait = "--virtual-time-budget=60000"
    command = [browser, *OFFLINE, f"--user-data-dir={page.parent / 'profile'}", wait, "--dump-dom"]
    drawn = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, check=True
    ).stdout
    assert drawn.count('class="chart-wrapper"') == len(definitions())
    marks = re.findall(r'class="mark-[a-z]+ role-mark[^"]*"', drawn)
    assert len(marks) >= 3 * len(definitions()) / 2  # most plots have a panel an architecture


def test_outside_a_clone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_line: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "expected a clone of the study, found no .dvc" in error_line(offline_plots.main)
