"""Plain values, and a look at any value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from comfy.embedded.node import Image, Shown, node

_LARGEST = 9223372036854775807


@node(
    "PrimitiveInt",
    "Int",
    category="utilities/primitive",
    inputs={"value": ("INT", {"min": -_LARGEST, "max": _LARGEST, "control_after_generate": "fixed"})},
    outputs={"INT": "INT"},
)
def primitive_int(value: int) -> int:
    return value


@node(
    "PrimitiveFloat",
    "Float",
    category="utilities/primitive",
    inputs={"value": ("FLOAT", {"min": -_LARGEST, "max": _LARGEST, "step": 0.1})},
    outputs={"FLOAT": "FLOAT"},
)
def primitive_float(value: float) -> float:
    return value


@node(
    "PrimitiveString",
    "Text",
    category="utilities/primitive",
    inputs={"value": ("STRING", {"multiline": False})},
    outputs={"STRING": "STRING"},
)
def primitive_string(value: str) -> str:
    return value


@node(
    "PrimitiveStringMultiline",
    "Text (Multiline)",
    category="utilities/primitive",
    inputs={"value": ("STRING", {"multiline": True})},
    outputs={"STRING": "STRING"},
)
def primitive_string_multiline(value: str) -> str:
    return value


@node(
    "PrimitiveBoolean",
    "Boolean",
    category="utilities/primitive",
    inputs={"value": ("BOOLEAN", {})},
    outputs={"BOOLEAN": "BOOLEAN"},
)
def primitive_boolean(value: bool) -> bool:
    return value


@node(
    "GetImageSize",
    "Get Image Size",
    category="image",
    inputs={"image": ("IMAGE", {})},
    outputs={"width": "INT", "height": "INT", "batch_size": "INT"},
)
def get_image_size(image: Image) -> tuple[int, int, int]:
    batch, height, width, _ = image.shape
    return width, height, batch


@node(
    "PreviewAny",
    "Preview as Text",
    category="utilities",
    inputs={"source": ("*", {})},
    outputs={"STRING": "STRING"},
    output_node=True,
)
def preview_any(source: Any) -> Shown:
    text = _as_text(source)
    return Shown({"text": [text]}, (text,))


def _as_text(source: Any) -> str:
    match source:
        case str():
            return source
        case bool() | int() | float():
            return str(source)
        case np.ndarray():
            return f"tensor({np.array2string(source, precision=4, threshold=1000)})"
        case _:
            try:
                return json.dumps(source, indent=4)
            except (TypeError, ValueError):
                return str(source)
