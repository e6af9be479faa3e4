"""A chart of a community's statistics: one picture to look at. Pillow alone; call it apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from bot.core.status_text import seconds
from bot.i18n import _, ngettext

if TYPE_CHECKING:
    from bot.core.moderation.statistics import Statistics

_SIZE = (1400, 1080)
_MARGIN, _GAP, _PAD = 44, 24, 26
_BACK, _CARD, _LINE = "#14161c", "#1d2029", "#2e3340"
_INK, _SOFT = "#f0f2f7", "#98a0b3"
_COLORS = ("#7aa2ff", "#ffb454", "#6fd6a4", "#f2789f", "#b394f5", "#7c8499")
_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
_MORE_FONTS = ("NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc", "unifont.otf", "unifont.ttf")
_UNASSIGNED = "\U000effff"  # a character that does not exist

_Box = tuple[int, int, int, int]


def draw(told: Statistics) -> bytes:
    """Draw the statistics as a PNG."""
    image = Image.new("RGB", _SIZE, _BACK)
    pen = ImageDraw.Draw(image)
    width, height = _SIZE
    _headline(pen, told)
    top, middle = 196, 610
    half = (width - 2 * _MARGIN - _GAP) // 2
    _days(pen, _card(pen, (_MARGIN, top, width - _MARGIN, middle - _GAP), _("Runs per day")), told)
    left = (_MARGIN, middle, _MARGIN + half, height - _MARGIN)
    _hours(pen, _card(pen, left, _("Busiest hours (UTC)")), told)
    right = _MARGIN + half + _GAP
    split = middle + (height - _MARGIN - middle - _GAP) * 56 // 100
    bars = _card(pen, (right, middle, width - _MARGIN, split), _("How long people waited"))
    _bars(pen, bars, told.waits, _COLORS[2])
    refused = _card(pen, (right, split + _GAP, width - _MARGIN, height - _MARGIN), _("Refused"))
    _bars(pen, refused, told.refusals[:3], _COLORS[3]) if told.refusals else _nothing(pen, refused)
    kept = io.BytesIO()
    image.save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _headline(pen: ImageDraw.ImageDraw, told: Statistics) -> None:
    count = len(told.days)
    period = ngettext("the last day", "the last {count} days", count).format(count=count)
    name, font = _legible(told.name, 40, bold=True)
    pen.text((_MARGIN, 34), _cut(name, font, 900), _INK, font)
    pen.text((_SIZE[0] - _MARGIN, 52), period, _SOFT, _font(22), anchor="ra")
    figures = [
        (f"{told.total:,}", ngettext("run", "runs", told.total)),
        (f"{told.people:,}", ngettext("person", "people", told.people)),
        (f"{told.done / told.total:.0%}" if told.total else "-", _("finished")),
        (seconds(told.waited) if told.waited is not None else "-", _("usual wait")),
        (seconds(told.seconds) if told.seconds else "-", _("server time")),
    ]
    step = (_SIZE[0] - 2 * _MARGIN) // len(figures)
    for number, (figure, words) in enumerate(figures):
        left = _MARGIN + number * step
        pen.text((left, 100), figure, _INK, _font(36, bold=True))
        pen.text((left, 146), words, _SOFT, _font(20))


def _card(pen: ImageDraw.ImageDraw, box: _Box, title: str) -> _Box:
    """Draw a card with a title, and return the space that is left in it."""
    pen.rounded_rectangle(box, 18, _CARD)
    pen.text((box[0] + _PAD, box[1] + 20), title, _INK, _font(22, bold=True))
    return box[0] + _PAD, box[1] + 62, box[2] - _PAD, box[3] - 22


def _days(pen: ImageDraw.ImageDraw, box: _Box, told: Statistics) -> None:
    """Draw a bar for each day, with a color for each workflow."""
    x, top, right, bottom = box
    _legend(pen, (x, top - 44, right, top), list(told.by_day))
    totals = [sum(day) for day in zip(*told.by_day.values(), strict=True)] or [0] * len(told.days)
    most = _nice(max(totals, default=0))
    locks, left = bottom - 30, x + 52
    for part in range(5):
        y = locks - (locks - top) * part // 4
        pen.line((left, y, right, y), _LINE, 1)
        if most * part % 4 == 0:
            pen.text((left - 12, y), f"{most * part // 4:,}", _SOFT, _font(16), anchor="rm")
    step = (right - left) / len(told.days)
    every = max(1, -(-len(told.days) * 74 // (right - left)))
    for number, day in enumerate(told.days):
        _bar(pen, told, number, (left + step * number, top, left + step * (number + 1), locks), most)
        if (len(told.days) - 1 - number) % every == 0:
            middle = left + step * (number + 0.5)
            pen.text((middle, bottom), f"{day.day}.{day.month}.", _SOFT, _font(16), anchor="ms")


def _bar(
    pen: ImageDraw.ImageDraw, told: Statistics, number: int, box: tuple[float, float, float, float], most: int
) -> None:
    left, top, right, locks = box
    inset = min(12.0, (right - left) * 0.16)
    y = locks
    for counts, color in zip(told.by_day.values(), _COLORS, strict=False):
        high = (locks - top) * counts[number] / most
        if high > 0:
            pen.rectangle((left + inset, y - high, right - inset, y - (1 if high > 3 else 0)), color)
        y -= high


def _legend(pen: ImageDraw.ImageDraw, box: _Box, names: Sequence[str]) -> None:
    x = box[2]
    for name, color in reversed(list(zip(names, _COLORS, strict=False))):
        shown = _cut(name, _font(18), 170)
        x -= round(_font(18).getlength(shown))
        pen.text((x, box[1] + 6), shown, _SOFT, _font(18))
        pen.rounded_rectangle((x - 24, box[1] + 8, x - 8, box[1] + 24), 4, color)
        x -= 46


def _hours(pen: ImageDraw.ImageDraw, box: _Box, told: Statistics) -> None:
    """Draw a square for each hour of the week; busier hours are brighter."""
    x, top, right, bottom = box
    most = max((max(day) for day in told.hours), default=0)
    names = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    left, locks = x + 54, bottom - 24
    wide, high = (right - left) / 24, (locks - top) / 7
    for row, (name, day) in enumerate(zip(names, told.hours, strict=True)):
        y = top + row * high
        pen.text((x, y + high / 2), name, _SOFT, _font(16), anchor="lm")
        for hour, count in enumerate(day):
            field = (left + hour * wide, y + 2, left + (hour + 1) * wide - 4, y + high - 2)
            pen.rounded_rectangle(field, 4, _between(_LINE, _COLORS[0], (count / most) ** 0.6 if most else 0.0))
    for hour in range(0, 24, 3):
        pen.text((left + (hour + 0.5) * wide - 2, bottom + 2), str(hour), _SOFT, _font(16), anchor="ms")


def _bars(pen: ImageDraw.ImageDraw, box: _Box, counts: Sequence[tuple[str, int]], color: str) -> None:
    """Draw a line for each count: its name, a bar and the number."""
    x, top, right, bottom = box
    most, share = max((count for _name, count in counts), default=0) or 1, sum(count for _name, count in counts) or 1
    high = min(34.0, (bottom - top) / max(len(counts), 1))
    longest = max((_font(17).getlength(name) for name, _count in counts), default=0)
    room = min(longest, (right - x) * 0.6) + 1
    left = x + room + 16
    for row, (name, count) in enumerate(counts):
        y = top + row * high + high / 2
        pen.text((x, y), _cut(name, _font(17), room), _SOFT, _font(17), anchor="lm")
        long = max(4.0, (right - left - 90) * count / most) if count else 0.0
        if long:
            pen.rounded_rectangle((left, y - high * 0.3, left + long, y + high * 0.3), 5, color)
        pen.text((left + long + 10, y), f"{count:,} · {count / share:.0%}", _INK, _font(16), anchor="lm")


def _nothing(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    pen.text((box[0], box[1] + 8), _("No requests were refused."), _SOFT, _font(18))


def _nice(most: int) -> int:
    """Return a round number of at least `most`, whose quarters are round too."""
    if most <= 4:
        return 4
    size: int = 10 ** (len(str(most)) - 1)
    fitting = [round(size * part) for part in (1.2, 1.6, 2, 3, 4, 6, 8) if size * part >= most]
    return next((number for number in fitting if number % 4 == 0), size * 12)


def _between(low: str, high: str, share: float) -> tuple[int, int, int]:
    first, second = (tuple(bytes.fromhex(color[1:])) for color in (low, high))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _cut(text: str, font: FreeTypeFont, room: float) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "…") > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _legible(text: str, size: int, *, bold: bool = False) -> tuple[str, FreeTypeFont]:
    """Return a text and a font that has all its characters; if there is none, the part that the usual font has."""
    usual = _font(size, bold=bold)
    for font in (usual, *_others(size)):
        if not any(_is_missing(character, font) for character in text):
            return text, font
    return " ".join("".join("" if _is_missing(each, usual) else each for each in text).split()), usual


def _is_missing(character: str, font: FreeTypeFont) -> bool:
    """True if a font lacks a character: it draws the same box for all of these."""
    return bytes(font.getmask(character)) == bytes(font.getmask(_UNASSIGNED)) and not character.isspace()


@lru_cache(16)
def _others(size: int) -> tuple[FreeTypeFont, ...]:
    """Return the installed fonts with more scripts."""
    found = []
    for name in _MORE_FONTS:
        with suppress(OSError):
            found.append(ImageFont.truetype(name, size))
    return tuple(found)


@lru_cache(16)
def _font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """Return DejaVu, which has most scripts, or Pillow's own font if it is not installed."""
    try:
        return ImageFont.truetype(_FONTS[bold], size)
    except OSError:
        fallback = ImageFont.load_default(size)
        assert isinstance(fallback, FreeTypeFont)  # noqa: S101 - it is, where a size is given and FreeType is built in
        return fallback
