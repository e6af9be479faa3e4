"""Packing: the files of a result in the forms in which they go, within Telegram's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.model import ResultFile
from bot.core.platform import fit, look_at, missing, moves, poster, to_play
from bot.i18n import _
from bot.platforms.telegram.runs.media import (
    PHOTO_BYTES,
    PHOTO_RATIO,
    PHOTOS,
    VIDEOS,
    OutgoingMedia,
    Way,
    is_photo,
    outgoing,
    size_of,
    too_large,
)

_LOOK_SIDE = 2560  # pixels: what Telegram's apps show of a photo
_PLAYS, _GIF_BYTES = (*VIDEOS, ".gif"), 8_000_000  # larger GIFs do not play by themselves


@dataclass(frozen=True)
class Packed:
    """The files of a result as they go. `beside` are documents for what can only be looked at in `shown`; `warnings`
    tell of files that are left out, or smaller.
    """

    shown: tuple[OutgoingMedia, ...] = ()
    beside: tuple[OutgoingMedia, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[OutgoingMedia, ...]:
        return (*self.shown, *self.beside)


async def packed(files: Sequence[ResultFile], most: int, folder: Path) -> Packed:
    """The ways that files go. Of a picture that is no photo, as it is too large for one, a copy to look at goes along.
    A still picture, and a film, that is too large even for a document goes as a smaller copy, and every other file is
    left out.
    """
    shown, beside, warnings = list[OutgoingMedia](), list[OutgoingMedia](), list[str]()
    for number, file in enumerate(files):
        size, sent = await size_of(file.path), file
        if await moves(file):
            film = await _film(file, number, most, folder)
            if film is not None:
                shown.append(film)
            if film is None or (film.file.path != file.path and size > most):
                words = (too_large(file, size, most), missing()) if film is None else (_reduced(file, size),)
                warnings.append(" ".join(filter(None, words)))
            continue
        if size > most:
            smaller = await fit(file.path, folder, most) if file.kind == "image" else None
            warnings.append(too_large(file, size, most) if smaller is None else _reduced(file, size))
            if smaller is None:
                continue
            sent = ResultFile(smaller, Path(file.filename).with_suffix(smaller.suffix).name, file.kind)
        whole = replace(await outgoing(sent), number=number)
        look = await _to_look_at(whole, folder)
        shown.append(look or whole)
        beside += [whole] if look is not None else []
    return Packed(tuple(shown), tuple(beside), tuple(warnings))


async def _film(file: ResultFile, number: int, most: int, folder: Path) -> OutgoingMedia | None:
    """A film as apps play it in place; None if it is too large."""
    apart = folder / f"film-{number}"
    await asyncio.to_thread(apart.mkdir)
    play = await to_play(file, apart, most, _PLAYS, _GIF_BYTES)
    if play is None:
        return None
    sent = await outgoing(play.file)
    if sent.way not in (Way.VIDEO, Way.ANIMATION):
        return replace(sent, number=number)
    film = await look_at(play.file.path)
    if sent.way is Way.VIDEO and file.kind == "image":
        sent = replace(sent, way=Way.ANIMATION)
    small = await poster(play.file.path, apart) if sent.way is Way.VIDEO else None
    shown = await asyncio.to_thread(small.read_bytes) if small is not None else None
    return replace(sent, number=number, film=film, poster=shown, made=play.made)


async def _to_look_at(whole: OutgoingMedia, folder: Path) -> OutgoingMedia | None:
    """A photo of a picture that goes as a document; None where it is none, or has no form that a photo may have."""
    if whole.way is not Way.DOCUMENT or whole.file.kind != "image":
        return None
    apart = folder / f"look-{whole.number}"
    await asyncio.to_thread(apart.mkdir)
    small = await fit(whole.file.path, apart, PHOTO_BYTES, _LOOK_SIDE, PHOTO_RATIO)
    if small is None or small.suffix.lower() not in PHOTOS or not await is_photo(small):
        return None
    name = Path(whole.file.filename).with_suffix(small.suffix).name
    return OutgoingMedia(ResultFile(small, name, whole.file.kind), Way.PHOTO, whole.number)


async def text_file(text: str, name: str, folder: Path) -> OutgoingMedia:
    """A text as a document."""
    path = folder / "text.txt"
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    return OutgoingMedia(ResultFile(path, name, "text"), Way.DOCUMENT)


def _reduced(file: ResultFile, size: int) -> str:
    return _("{name} has {size:.1f} MB: this is a smaller copy of it.").format(name=file.filename, size=size / 1e6)
