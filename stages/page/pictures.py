"""Images as data URIs in WebP, the same bytes for the same image."""

import base64
import io
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from stages.figures.style import RC

DPI = 100  # dots per inch: a voxel of the default scans takes about two
QUALITY = 80  # of WebP with losses, 0 to 100
EFFORT = 4  # of the encoder, 0 to 6; higher is slower


def figure_uri(figure: Figure) -> str:
    """Return a figure of images, which losses of compression do not harm."""
    stream = io.BytesIO()
    options = {"quality": QUALITY, "method": EFFORT}
    with rc_context(RC):
        figure.savefig(stream, format="webp", dpi=DPI, pil_kwargs=options)
    return data_uri(stream.getvalue())


def file_uri(path: Path) -> str:
    """Return a PNG without loss, in half of its size."""
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(stream, "webp", lossless=True, method=EFFORT)
    return data_uri(stream.getvalue())


def data_uri(content: bytes) -> str:
    """Return the bytes of a WebP image as a data URI."""
    return f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
