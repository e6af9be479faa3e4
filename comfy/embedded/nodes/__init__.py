"""The nodes of the built-in engine. Importing this package declares them all."""

from comfy.embedded.nodes import (
    adjust,
    color,
    combine,
    filters,
    load_save,
    mask,
    primitive,
    scale,
    text,
    transform,
    websocket_save,
)

__all__ = [
    "adjust",
    "color",
    "combine",
    "filters",
    "load_save",
    "mask",
    "primitive",
    "scale",
    "text",
    "transform",
    "websocket_save",
]
