"""Images as data URIs in WebP, the same bytes for the same image, and how small they may be."""

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from stages.figures.kit import style
from stages.figures.kit.style import RC
from stages.figures.scan_planes import SMALLEST

DPI = 100  # dots per inch: a voxel of the default scans takes about two
QUALITY = 60  # of WebP with losses, 0 to 100
EFFORT = 4  # of the encoder, 0 to 6; higher is slower
LEGIBLE = 9  # CSS pixels: lettering that is smaller is hard to read
INCH = 72  # points


@dataclass(frozen=True)
class Embedded:
    """An image that is part of the HTML report."""

    uri: str
    """Data URI."""
    width: int
    """Pixels of the image, as its height."""
    height: int
    least: int
    """Width in CSS pixels at which its smallest lettering is still legible."""


def picture(figure: Figure, quality: int = QUALITY) -> Embedded:
    """Return a figure of images, which losses of compression do not harm."""
    options = {"quality": quality, "method": EFFORT}
    return embedded(_drawn(figure, DPI, "webp", pil_kwargs=options), DPI, SMALLEST)


def drawing(figure: Figure) -> Embedded:
    """Return a figure of lines and letters without loss, as if it had been saved and read."""
    return _without_loss(_drawn(figure, style.DPI, "png"))


def file_drawing(path: Path) -> Embedded:
    """Return a saved figure without loss, in half of its size."""
    return _without_loss(path.read_bytes())


def file_picture(path: Path) -> Embedded:
    """Return a saved figure of images, with losses."""
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(stream, "webp", quality=QUALITY, method=EFFORT)
    return embedded(stream.getvalue(), style.DPI, style.SMALLEST)


def embedded(content: bytes, dpi: int, smallest: int) -> Embedded:
    """Return a WebP image for the HTML report.

    Args:
        content: of the WebP file.
        dpi: dots per inch.
        smallest: size of its smallest lettering, points.
    """
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    least = math.ceil(width * LEGIBLE * INCH / (smallest * dpi))
    return Embedded(data_uri(content), width, height, min(least, width))


def data_uri(content: bytes) -> str:
    """Return the bytes of a WebP image as a data URI."""
    return f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"


def _drawn(figure: Figure, dpi: int, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    with rc_context(RC):
        figure.savefig(stream, format=form, dpi=dpi, **options)
    return stream.getvalue()


def _without_loss(png: bytes) -> Embedded:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(stream, "webp", lossless=True, method=EFFORT)
    return embedded(stream.getvalue(), style.DPI, style.SMALLEST)
