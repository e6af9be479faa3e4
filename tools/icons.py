"""Draws the icons under which the page is installed, as `icon.svg` has it.

python tools/icons.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

ICONS = Path(__file__).parents[1] / "bot" / "platforms" / "web" / "static" / "icons"
WALL, LAMP, GLEAM = "#1a1512", "#ff5a3c", "#ffb59f"
_FINE = 4  # pixels that are drawn for each one that is kept


def draw(size: int, *, corner: float, shrink: float = 1.0) -> Image.Image:
    """Draw the lamp: with round corners, or to the edges and smaller, where a phone cuts its own shape."""
    side = size * _FINE
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), side * corner, fill=WALL)

    def disc(x: float, y: float, radius: float, color: str) -> None:
        center = [0.5 + (part / 32 - 0.5) * shrink for part in (x, y)]
        reach = radius / 32 * shrink
        pen.ellipse([(part + sign * reach) * side for sign in (-1, 1) for part in center], fill=color)

    disc(16, 16, 7.5, LAMP)
    disc(13.6, 13.4, 2, GLEAM)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    ICONS.mkdir(exist_ok=True)
    draw(192, corner=7 / 32).save(ICONS / "192.png", optimize=True)
    draw(512, corner=7 / 32).save(ICONS / "512.png", optimize=True)
    draw(512, corner=0, shrink=1.15).save(ICONS / "maskable.png", optimize=True)
    draw(180, corner=0, shrink=1.15).convert("RGB").save(ICONS / "touch.png", optimize=True)


if __name__ == "__main__":
    main()
