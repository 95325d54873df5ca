"""Images in the page: the same bytes twice, and never so small that their lettering is lost."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from stages.figures.kit.style import DPI, SMALLEST, new_figure, save
from stages.page import pictures


def decoded(uri: str) -> Image.Image:
    """Return the image of a data URI."""
    head, content = uri.split(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_drawing_is_the_file_that_it_would_be(tmp_path: Path) -> None:
    figure = new_figure(3, 2)
    figure.text(0.5, 0.5, "text")
    save(figure, tmp_path / "a.png")
    drawn, read = pictures.drawing(figure), pictures.file_drawing(tmp_path / "a.png")
    assert drawn == read
    with Image.open(tmp_path / "a.png") as saved:
        assert decoded(read.uri).convert("RGB").tobytes() == saved.convert("RGB").tobytes()


def test_the_least_width_keeps_the_smallest_lettering_legible() -> None:
    found = pictures.drawing(new_figure(12, 2))
    assert (found.width, found.height) == (12 * DPI, 2 * DPI)
    natural = SMALLEST * DPI / 72  # CSS pixels
    assert natural * found.least / found.width >= pictures.LEGIBLE
    assert natural * (found.least - 1) / found.width < pictures.LEGIBLE


@pytest.mark.parametrize("smallest", [1, 6])
def test_no_image_is_enlarged(smallest: int) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "webp")
    assert pictures.embedded(stream.getvalue(), 100, smallest).least == 40
