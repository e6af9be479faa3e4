"""Importing this package declares every node that the built-in engine has."""

from comfy.embedded.nodes import adjust, color, combine, filters, load_save, mask, primitive, scale, text, transform

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
]
