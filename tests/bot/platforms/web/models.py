"""3D files, made here: a cube with a colour on each side, in the formats that the page shows."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import chain
from typing import Any

from PIL import Image

#: the colours of the sides to the right, left, top, bottom, front and back
SIDES = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255), (0, 255, 255))

_CORNERS = (
    ((1, -1, 1), (1, -1, -1), (1, 1, -1), (1, 1, 1)),
    ((-1, -1, -1), (-1, -1, 1), (-1, 1, 1), (-1, 1, -1)),
    ((-1, 1, 1), (1, 1, 1), (1, 1, -1), (-1, 1, -1)),
    ((-1, -1, -1), (1, -1, -1), (1, -1, 1), (-1, -1, 1)),
    ((-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)),
    ((1, -1, -1), (-1, -1, -1), (-1, 1, -1), (1, 1, -1)),
)
_TRIANGLES = tuple(side * 4 + corner for side in range(6) for corner in (0, 1, 2, 0, 2, 3))
_FLOATS, _SHORTS = 5126, 5123


class _Buffer:
    """The binary part of a file, and what says where each thing lies in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, content: bytes) -> int:
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)})
        self.data += content + bytes(-len(content) % 4)
        return len(self.views) - 1

    def numbers(self, kind: str, values: Iterable[Sequence[float]], component: int = _FLOATS) -> int:
        rows = [tuple(row) for row in values]
        letter = "f" if component == _FLOATS else "H"
        view = self.view(struct.pack(f"<{sum(map(len, rows))}{letter}", *chain.from_iterable(rows)))
        low, high = [list(map(min, zip(*rows, strict=True))), list(map(max, zip(*rows, strict=True)))]
        told = {"bufferView": view, "componentType": component, "count": len(rows), "type": kind}
        self.accessors.append({**told, "min": low, "max": high})
        return len(self.accessors) - 1


def cube(
    *, picture: bytes = b"", elsewhere: str = "", turns: bool = False, metal: bool = False
) -> tuple[dict[str, Any], bytes]:
    """A cube as glTF, and its buffer. It has a colour on each side, or a picture, which may be elsewhere."""
    buffer = _Buffer()
    attributes = {"POSITION": buffer.numbers("VEC3", chain.from_iterable(_CORNERS))}
    material: dict[str, Any] = {"pbrMetallicRoughness": {"metallicFactor": int(metal)}}
    data: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]}
    if picture or elsewhere:
        attributes["TEXCOORD_0"] = buffer.numbers("VEC2", ((0, 1), (1, 1), (1, 0), (0, 0)) * 6)
        inside = {"bufferView": buffer.view(picture), "mimeType": "image/png"} if picture else {"uri": elsewhere}
        material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
        data |= {"textures": [{"source": 0}], "images": [inside]}
    else:
        colours = ([part / 255 for part in side] for side in SIDES for _corner in range(4))
        attributes["COLOR_0"] = buffer.numbers("VEC3", colours)
    data["materials"] = [material]
    indices = buffer.numbers("SCALAR", ((each,) for each in _TRIANGLES), _SHORTS)
    data["meshes"] = [{"primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}]
    if turns:
        times = buffer.numbers("SCALAR", ((0.0,), (0.5,), (1.0,)))
        turned = buffer.numbers("VEC4", ((0, 0, 0, 1), (0, 1, 0, 0), (0, 0, 0, -1)))
        channel = {"sampler": 0, "target": {"node": 0, "path": "rotation"}}
        data["animations"] = [{"samplers": [{"input": times, "output": turned}], "channels": [channel]}]
    data |= {"bufferViews": buffer.views, "accessors": buffer.accessors, "buffers": [{"byteLength": len(buffer.data)}]}
    return data, bytes(buffer.data)


def glb(data: dict[str, Any], buffer: bytes) -> bytes:
    """Pack glTF and its buffer into one file."""
    text = json.dumps(data).encode()
    text += b" " * (-len(text) % 4)
    parts = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(buffer), b"BIN\0") + buffer
    return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts


def gltf(data: dict[str, Any], buffer: bytes) -> bytes:
    """Write glTF as text that has its buffer within."""
    address = f"data:application/octet-stream;base64,{base64.b64encode(buffer).decode()}"
    return json.dumps(data | {"buffers": [{"byteLength": len(buffer), "uri": address}]}).encode()


def chessboard() -> bytes:
    """A picture of two colours for all sides."""
    buffer = BytesIO()
    board = Image.new("RGB", (64, 64), (255, 128, 0))
    board.paste((0, 128, 255), (0, 0, 32, 32))
    board.paste((0, 128, 255), (32, 32, 64, 64))
    board.save(buffer, "PNG")
    return buffer.getvalue()


def obj() -> bytes:
    corners = [f"v {x} {y} {z}" for x, y, z in chain.from_iterable(_CORNERS)]
    faces = [f"f {4 * side + 1} {4 * side + 2} {4 * side + 3} {4 * side + 4}" for side in range(6)]
    return "\n".join(["mtllib cube.mtl", *corners, *faces]).encode()


def stl() -> bytes:
    points = list(chain.from_iterable(_CORNERS))
    flat = [points[each] for each in _TRIANGLES]
    body = [struct.pack("<12fH", 0, 0, 0, *chain.from_iterable(flat[at : at + 3]), 0) for at in range(0, len(flat), 3)]
    return bytes(80) + struct.pack("<I", len(body)) + b"".join(body)


def ply() -> bytes:
    """Points alone, each with a colour."""
    points = list(chain.from_iterable(_CORNERS))
    colours = (" ".join(map(str, side)) for side in SIDES for _corner in range(4))
    rows = [f"{x} {y} {z} {colour}" for (x, y, z), colour in zip(points, colours, strict=True)]
    kinds = ("float x", "float y", "float z", "uchar red", "uchar green", "uchar blue")
    head = ["ply", "format ascii 1.0", f"element vertex {len(rows)}", *(f"property {kind}" for kind in kinds)]
    return "\n".join([*head, "end_header", *rows, ""]).encode()
