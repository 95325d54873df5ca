"""Tiny networks and images for the commands that segment."""

from tests.segmenters.conftest import (
    _one_thread,
    native_weights,
    tiny_model,
    tiny_weights,
    write_image,
)

__all__ = ["_one_thread", "native_weights", "tiny_model", "tiny_weights", "write_image"]
