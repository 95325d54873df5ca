"""Tiny networks and images for the commands that segment."""

from tests.segmenters.conftest import (
    _threads,
    native_weights,
    tiny_model,
    tiny_weights,
    write_image,
)

__all__ = ["_threads", "native_weights", "tiny_model", "tiny_weights", "write_image"]
