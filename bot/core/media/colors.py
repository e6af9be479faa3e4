"""Colours as servers take them: sRGB with eight bits. They do not look at profiles."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsProfile, ImageCmsTransform

_GREY = ("1", "L", "LA", "La", "F")
_CLOSE = 2  # steps of 255: a smaller difference is not worth encoding a picture again
_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}  # by the profile's own name


def has_other_colors(picture: Image) -> bool:
    """True if a picture has a profile that reads, and that differs from sRGB."""
    return _transform(picture) is not None


def eight_bits(picture: Image) -> Image:
    """Convert a picture to L, RGB or RGBA in sRGB, from any mode: 16 bits, a palette, CMYK, …"""
    plain = _plain(picture)
    transform = _transform(picture)
    if transform is None:
        return plain
    from PIL import ImageCms

    alpha = plain.getchannel("A") if plain.mode == "RGBA" else None
    source = picture if picture.mode in ("CMYK", "LAB") else plain.convert(transform.input_mode)
    converted = ImageCms.applyTransform(source, transform)
    assert converted is not None  # noqa: S101 - it is not done in place
    if alpha is not None:
        converted.putalpha(alpha)
    return converted.convert("L") if plain.mode == "L" else converted


def _plain(picture: Image) -> Image:
    if picture.mode.startswith("I"):
        return _scaled(picture.convert("I"), 65_535).convert("L")
    if picture.mode == "F":
        return _scaled(picture, 1).convert("L")
    if "transparency" in picture.info or picture.mode in ("PA", "LA", "La", "RGBa", "RGBA"):
        return picture.convert("RGBA")
    if picture.mode == "LAB":
        return _from_lab(picture)
    return picture.convert("L" if picture.mode in _GREY else "RGB")


def _scaled(picture: Image, usual: int) -> Image:
    """Scale numbers up to `usual`, or else up to the highest there is, to those up to 255."""
    highest = picture.getextrema()[1]
    assert isinstance(highest, int | float)  # noqa: S101 - of the only band
    if usual == 1 and 1 < highest <= 255:
        return picture
    factor = 255 / max(usual, highest)
    return picture.point(lambda value: value * factor + 0)


def _from_lab(picture: Image) -> Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert converted is not None  # noqa: S101 - it is not done in place
    return converted


def _transform(picture: Image) -> ImageCmsTransform | None:
    """Return the way from a picture's colours to sRGB; None if it has no profile of its own that reads."""
    data = picture.info.get("icc_profile")
    if not data:
        return None
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        mode = _MODES.get(profile.profile.xcolor_space)
        if mode is None or mode != _kind(picture):
            return None
        found = _built(profile, mode)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    return None if mode in ("RGB", "L") and _is_close(found, mode) else found


def _built(profile: ImageCmsProfile, mode: str) -> ImageCmsTransform:
    from PIL import ImageCms

    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(profile, srgb, mode, "RGB", renderingIntent=intent, flags=flags)


def _kind(picture: Image) -> str:
    """The mode of the profile that a picture of this mode can have."""
    if picture.mode in ("CMYK", "LAB"):
        return picture.mode
    return "L" if picture.mode in _GREY or picture.mode.startswith("I") else "RGB"


def _is_close(transform: ImageCmsTransform, mode: str) -> bool:
    """True if colours stay as they are: for greys all, for others a grid of them."""
    from PIL import Image, ImageChops, ImageCms

    steps = range(0, 256, 17)
    grid = (
        bytes(range(256))
        if mode == "L"
        else bytes(part for r in steps for g in steps for b in steps for part in (r, g, b))
    )
    sample = Image.frombytes(mode, (len(grid) // len(mode), 1), grid)
    converted = ImageCms.applyTransform(sample, transform)
    assert converted is not None  # noqa: S101 - it is not done in place
    low_high = ImageChops.difference(sample.convert("RGB"), converted).getextrema()
    return all(high <= _CLOSE for _low, high in low_high)  # type: ignore[misc]
