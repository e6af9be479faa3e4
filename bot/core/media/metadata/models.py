"""Texts of tensors, of 3D models, and of SVG. The file is written again without them."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import Any

_SIGN = "class_type"
_OURS = ("prompt", "workflow")  # under which ComfyUI writes them
_SVG_METADATA = re.compile(rb"<metadata\b[^>]*>(\s*<!\[CDATA\[.*?\]\]>\s*|.*?)</metadata>\s*", re.DOTALL)


def kept_of_safetensors(data: bytes) -> Iterator[bytes]:
    """Leave out the workflow. What loaders need to know of the tensors stays."""
    size = struct.unpack_from("<Q", data)[0]
    head = json.loads(data[8 : 8 + size])
    about = head.get("__metadata__", {})
    head["__metadata__"] = {name: text for name, text in about.items() if name not in _OURS and _SIGN not in text}
    text = _dumped(head)
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text))
    yield text
    yield data[8 + size :]


def kept_of_glb(data: bytes) -> Iterator[bytes]:
    """Leave out the extras of the asset, and others with a workflow."""
    version, size = struct.unpack_from("<4xII4x", data)[0], struct.unpack_from("<I", data, 12)[0]
    text = _dumped(_without_extras(json.loads(data[20 : 20 + size])))
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    yield struct.pack("<4sIII4s", b"glTF", version, 20 + len(text) + len(rest), len(text), b"JSON")
    yield text
    yield rest


def kept_of_gltf(data: bytes) -> Iterator[bytes]:
    """The same for the form that is a text."""
    model = json.loads(data)
    yield _dumped(_without_extras(model)) if isinstance(model, dict) and "asset" in model else data


def kept_of_svg(data: bytes) -> Iterator[bytes]:
    """Leave out the metadata."""
    yield _SVG_METADATA.sub(b"", data) if b"<svg" in data else data


def _without_extras(model: dict[str, Any]) -> dict[str, Any]:
    model.get("asset", {}).pop("extras", None)
    for name in _OURS:
        model.pop(name, None)
    cleaned: dict[str, Any] = _cleaned(model)
    return cleaned


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items() if key != "extras" or not _is_ours(each)}
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _is_ours(extras: Any) -> bool:
    return _SIGN in json.dumps(extras) or (isinstance(extras, dict) and any(name in extras for name in _OURS))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
