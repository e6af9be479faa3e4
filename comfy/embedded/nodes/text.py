"""Words drawn onto pictures."""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from PIL import Image as Pillow
from PIL import ImageColor, ImageDraw, ImageFont

from comfy.embedded.node import Image, node
from comfy.embedded.nodes.resample import to_bytes

_MARGIN = 0.01  # of the picture's height, kept free on every side
_UNASSIGNED = "\U000effff"  # a character that does not exist
#: Fonts of the system for what Pillow's own font lacks, which has English letters only.
_FONTS = ("DejaVuSans.ttf", "arial.ttf", "Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "msyh.ttc", "unifont.otf")

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@node(
    "TextOverlay",
    "Draw Text Overlay",
    category="text",
    inputs={
        "images": ("IMAGE", {}),
        "text": ("STRING", {"default": "", "multiline": True}),
        "font_size": ("FLOAT", {"default": 5.0, "min": 0.5, "max": 50.0, "step": 0.5}),
        "color": ("COLOR", {"default": "#ffffff", "socketless": True}),
        "position": ("COMBO", {"default": "top", "multiselect": False, "options": ["top", "bottom"]}),
        "align": ("COMBO", {"default": "left", "multiselect": False, "options": ["left", "center", "right"]}),
        "outline": ("BOOLEAN", {"default": True}),
    },
    outputs={"images": "IMAGE"},
)
def text_overlay(
    images: Image, text: str, font_size: float, color: str, position: str, align: str, outline: bool
) -> Image:
    """`font_size` is in per cent of the picture's height; lines too long for its width are broken."""
    if not text.strip():
        return images
    frames = [_drawn(frame, text, font_size, color, position, align, outline) for frame in to_bytes(images[..., :3])]
    return np.stack(frames).astype(np.float32) / 255.0


def _drawn(frame: Image, text: str, font_size: float, color: str, position: str, align: str, outline: bool) -> Image:
    picture = Pillow.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    size = max(1, round(picture.height * font_size / 100))
    font = _font(text, size)
    stroke = max(1, size // 15) if outline else 0
    margin = max(1, round(picture.height * _MARGIN))
    lines = _wrapped(draw, text, font, picture.width - 2 * margin)
    box = draw.multiline_textbbox((0, 0), lines, font=font, align=align, stroke_width=stroke)
    free = picture.width - 2 * margin - (box[2] - box[0])
    x = margin + {"left": 0.0, "center": free / 2, "right": free}[align] - box[0]
    y = margin - box[1] if position == "top" else picture.height - margin - box[3]
    ink = ImageColor.getrgb(color)[:3]
    around = (0, 0, 0) if sum(ink) > 382 else (255, 255, 255)
    draw.multiline_text((x, y), lines, fill=ink, font=font, align=align, stroke_width=stroke, stroke_fill=around)
    return np.asarray(picture)


def _font(text: str, size: int) -> _Font:
    """Return the font that lacks the fewest letters of a text: Pillow's own, as ComfyUI does, if it has all of them."""
    own, letters = ImageFont.load_default(size), set(text) - set(string.whitespace)
    if all(_has(own, letter) for letter in letters):
        return own
    return min((own, *_installed(size)), key=lambda font: sum(not _has(font, letter) for letter in letters))


def _has(font: _Font, letter: str) -> bool:
    """True unless it draws the box that stands for all letters that it lacks."""
    return bytes(font.getmask(letter)) != bytes(font.getmask(_UNASSIGNED))


def _installed(size: int) -> Iterator[_Font]:
    for name in _FONTS:
        with suppress(OSError):
            yield ImageFont.truetype(name, size)


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: _Font, width: int) -> str:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and draw.textlength(longer, font=font) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)
