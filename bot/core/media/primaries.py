"""Profiles for pictures that name their colours in a few numbers, as HEIC, AVIF and PNG may do."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.core.media.metadata.pictures import PNG_SIGNATURE, png_chunks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_D50, _D65 = (0.3457, 0.3585), (0.3127, 0.329)
_SRGB = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
#: The numbers of ITU-T H.273: where red, green and blue are.
_PRIMARIES = {
    1: _SRGB,
    9: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
_FILM = (1, 6, 14, 15)
#: And the parameters g, a, b, c and d of a curve: (a x + b) ^ g from d on, and c x below. Films are seen at 2.4.
_CURVES = {
    13: (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    **{number: (gamma, 1.0, 0.0, 0.0, 0.0) for number, gamma in ((4, 2.2), (5, 2.8), (8, 1.0))},
    **dict.fromkeys(_FILM, (2.4, 1.0, 0.0, 0.0, 0.0)),
}
_USUAL = (45_455).to_bytes(4)  # a gamma of 2.2, which programs write for sRGB
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


@dataclass(frozen=True)
class Colors:
    """The places of red, green, blue and white, and the parameters of the curve."""

    primaries: tuple[tuple[float, float], ...]
    curve: tuple[float, ...]
    white: tuple[float, float] = _D65


def named_colors(data: bytes) -> Colors | None:
    """The colours that a file names; None if it names none that we know. One with high contrast has no such curve."""
    if data.startswith(PNG_SIGNATURE):
        return _of_png(data)
    at = data.find(b"colrnclx", 0, 1 << 16)
    if not 0 <= at <= len(data) - 12:
        return None
    primaries, curve = struct.unpack_from(">HH", data, at + 8)
    return _numbered(primaries, 13 if curve in _FILM else curve)  # a photograph is not seen as a film is


def _of_png(data: bytes) -> Colors | None:
    found = dict[bytes, bytes]()
    try:
        for kind, chunk in png_chunks(data):
            if kind == b"IDAT":
                break
            found[kind] = chunk[8:-4]
    except struct.error:
        return None
    numbers, gamma, places = found.get(b"cICP", b""), found.get(b"gAMA", b""), found.get(b"cHRM", b"")
    if len(numbers) == 4:
        return _numbered(numbers[0], numbers[1])
    if len(gamma) != 4 or not any(gamma) or b"sRGB" in found or b"iCCP" in found:
        return None
    if len(places) != 32 and gamma == _USUAL:
        return None
    curve = (100_000 / int.from_bytes(gamma), 1.0, 0.0, 0.0, 0.0)
    if len(places) != 32:
        return Colors(_SRGB, curve)
    white, *primaries = ((x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">II", places))
    return Colors(tuple(primaries), curve, white) if all(y for _x, y in (white, *primaries)) else None


def _numbered(primaries: int, curve: int) -> Colors | None:
    known = primaries in _PRIMARIES and curve in _CURVES
    return Colors(_PRIMARIES[primaries], _CURVES[curve]) if known else None


def profile_of(colors: Colors) -> bytes:
    """An ICC profile of these colours."""
    name = b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2, 28) + b"\0c"
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + b"".join(map(_fixed, colors.curve))
    columns = _columns(colors)
    parts = {b"desc": name, b"cprt": name, b"wtpt": _xyz(_seen(_D50))}
    parts |= {kind: _xyz(columns[:, at]) for at, kind in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, begin = b"", b"", 132 + 12 * len(parts)
    for kind, part in parts.items():
        table += kind + struct.pack(">II", begin + len(body), len(part))
        body += part.ljust(len(part) + -len(part) % 4, b"\0")
    head = struct.pack(">I4sI4s4s4s", begin + len(body), b"lcms", 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(_seen(_D50))[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(parts)) + table + body


def _columns(colors: Colors) -> NDArray[np.float64]:
    """Red, green and blue as they are seen under the white of profiles."""
    import numpy as np

    mixed = np.array([_seen(place) for place in colors.primaries]).T
    mixed = mixed * np.linalg.solve(mixed, np.array(_seen(colors.white)))
    cones = np.array(_BRADFORD)
    change = np.diag((cones @ _seen(_D50)) / (cones @ _seen(colors.white)))
    return np.asarray(np.linalg.inv(cones) @ change @ cones @ mixed)


def _seen(place: tuple[float, float]) -> tuple[float, float, float]:
    x, y = place
    return x / y, 1.0, (1 - x - y) / y


def _xyz(values: tuple[float, ...] | NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))
