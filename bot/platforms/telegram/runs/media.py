"""The form in which each file of a result is sent: a photo if Telegram takes it as one, else a document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import IO, Any, TypeAlias

from telegram import (
    Bot,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaAnimation,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)
from telegram.constants import ParseMode

from bot.core.model import ResultFile
from bot.core.platform import fit, measure
from bot.i18n import _
from bot.platforms.telegram.api.client import TelegramApi, replying

UPLOAD, LOCAL_UPLOAD = 50_000_000, 2_000_000_000  # bytes a file
ALBUM = 10
_PHOTO_BYTES, _PHOTO_SUM, _PHOTO_RATIO = 10_000_000, 10_000, 20
_LOOK_SIDE = 2560  # pixels: what Telegram's apps show of a photo
_PHOTOS, _VIDEOS, _AUDIO = (".png", ".jpg", ".jpeg", ".webp"), (".mp4", ".m4v"), (".mp3", ".m4a")

Media: TypeAlias = InputMediaPhoto | InputMediaVideo | InputMediaAnimation | InputMediaAudio | InputMediaDocument


class Way(StrEnum):
    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    AUDIO = "audio"
    DOCUMENT = "document"


@dataclass(frozen=True)
class OutgoingMedia:
    """A file and the way that it goes. `number` is its place among the files of its result, if it is one of them."""

    file: ResultFile
    way: Way
    number: int | None = None

    def media(self, content: Path | InputFile, caption: str = "", *, spoiler: bool = False) -> Media:
        """It as Telegram's own, with what `contents` gives for it; the caption is HTML."""
        name, html = self.file.filename, ParseMode.HTML
        match self.way:
            case Way.PHOTO:
                return InputMediaPhoto(content, caption, html, filename=name, has_spoiler=spoiler or None)
            case Way.VIDEO:
                return InputMediaVideo(content, caption, parse_mode=html, filename=name, has_spoiler=spoiler or None)
            case Way.ANIMATION:
                return InputMediaAnimation(
                    content, caption=caption, parse_mode=html, filename=name, has_spoiler=spoiler or None
                )
            case Way.AUDIO:
                return InputMediaAudio(content, caption, html, filename=name)
            case Way.DOCUMENT:
                return InputMediaDocument(content, caption, html, disable_content_type_detection=True, filename=name)

    async def post(
        self,
        api: TelegramApi,
        chat: int,
        *,
        topic: int | None = None,
        caption: str = "",
        keyboard: InlineKeyboardMarkup | None = None,
        reply_to: int | None = None,
        spoiler: bool = False,
    ) -> Message:
        """Send it as a message of its own."""
        more: dict[str, Any] = {
            "caption": caption,
            "parse_mode": ParseMode.HTML,
            "filename": self.file.filename,
            "message_thread_id": topic,
            "reply_markup": keyboard,
            "reply_parameters": replying(reply_to),
            **api.patience.of(await size_of(self.file.path)),
        }
        async with contents([self], local=api.local, attach=False) as (content,):
            return await self._post(api.bot, chat, content, more, {"has_spoiler": spoiler or None})

    async def _post(
        self, bot: Bot, chat: int, content: Path | InputFile, more: dict[str, Any], hidden: dict[str, Any]
    ) -> Message:
        match self.way:
            case Way.PHOTO:
                return await bot.send_photo(chat, content, **more, **hidden)
            case Way.VIDEO:
                return await bot.send_video(chat, content, **more, **hidden)
            case Way.ANIMATION:
                return await bot.send_animation(chat, content, **more, **hidden)
            case Way.AUDIO:
                return await bot.send_audio(chat, content, **more)
            case Way.DOCUMENT:
                return await bot.send_document(chat, content, disable_content_type_detection=True, **more)

    def as_document(self) -> OutgoingMedia:
        return replace(self, way=Way.DOCUMENT)


@asynccontextmanager
async def contents(
    media: Sequence[OutgoingMedia], *, local: bool, attach: bool = True
) -> AsyncIterator[list[Path | InputFile]]:
    """Open files, each of which is read while it is sent, a piece at a time. `local`: the server reads them itself.
    `attach`: they are the media of a request, and not its only file.
    """
    paths = [each.file.path.absolute() for each in media]
    if local:
        yield [*paths]
        return
    with ExitStack() as stack:
        opened = [stack.enter_context(await _opened(path)) for path in paths]
        yield [
            InputFile(file, each.file.filename, attach, read_file_handle=False)
            for file, each in zip(opened, media, strict=True)
        ]


async def _opened(path: Path) -> IO[bytes]:
    """Open a file in a thread; if it is no longer wanted when it is open, it is closed at once."""
    opening = asyncio.ensure_future(asyncio.to_thread(path.open, "rb"))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise


def _close(opening: asyncio.Future[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


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
    A still picture that is too large even for a document goes as a smaller copy, and every other file is left out.
    """
    shown, beside, warnings = list[OutgoingMedia](), list[OutgoingMedia](), list[str]()
    for number, file in enumerate(files):
        size, sent = await size_of(file.path), file
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


async def _to_look_at(whole: OutgoingMedia, folder: Path) -> OutgoingMedia | None:
    """A photo of a picture that goes as a document; None where it is none, or has no form that a photo may have."""
    if whole.way is not Way.DOCUMENT or whole.file.kind != "image":
        return None
    apart = folder / f"look-{whole.number}"
    await asyncio.to_thread(apart.mkdir)
    small = await fit(whole.file.path, apart, _PHOTO_BYTES, _LOOK_SIDE)
    if small is None or small.suffix.lower() not in _PHOTOS or not await _is_photo(small):
        return None
    name = Path(whole.file.filename).with_suffix(small.suffix).name
    return OutgoingMedia(ResultFile(small, name, whole.file.kind), Way.PHOTO, whole.number)


async def text_file(text: str, name: str, folder: Path) -> OutgoingMedia:
    """A text as a document."""
    path = folder / "text.txt"
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    return OutgoingMedia(ResultFile(path, name, "text"), Way.DOCUMENT)


async def outgoing(file: ResultFile) -> OutgoingMedia:
    """The way that a file goes."""
    suffix = file.path.suffix.lower()
    if suffix == ".gif":
        return OutgoingMedia(file, Way.ANIMATION)
    if suffix in _VIDEOS:
        return OutgoingMedia(file, Way.VIDEO)
    if suffix in _AUDIO:
        return OutgoingMedia(file, Way.AUDIO)
    return OutgoingMedia(file, Way.PHOTO if suffix in _PHOTOS and await _is_photo(file.path) else Way.DOCUMENT)


def albums(media: Sequence[OutgoingMedia]) -> list[list[OutgoingMedia]]:
    """Group files into albums: pictures with videos, sounds with sounds, documents with documents; ten at most."""
    ordered = sorted(media, key=_album_kind)  # stable: files of one kind keep their order
    groups = [list(group) for _key, group in groupby(ordered, key=_album_kind)]
    return [chunk for group in groups for chunk in _chunks(group, 1 if group[0].way is Way.ANIMATION else ALBUM)]


def too_large(file: ResultFile, size: int, most: int) -> str:
    words = _("{name} has {size:.1f} MB, and at most {most:g} MB can be sent here.")
    return words.format(name=file.filename, size=size / 1e6, most=most / 1e6)


def _reduced(file: ResultFile, size: int) -> str:
    return _("{name} has {size:.1f} MB: this is a smaller copy of it.").format(name=file.filename, size=size / 1e6)


async def size_of(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size


async def _is_photo(path: Path) -> bool:
    shape = await measure(path)
    if shape is None or shape.animated or await size_of(path) > _PHOTO_BYTES:
        return False
    short, long = sorted((shape.width, shape.height))
    return short + long <= _PHOTO_SUM and long <= short * _PHOTO_RATIO


def _album_kind(media: OutgoingMedia) -> int:
    return {Way.PHOTO: 0, Way.VIDEO: 0, Way.ANIMATION: 1, Way.AUDIO: 2, Way.DOCUMENT: 3}[media.way]


def _chunks(media: list[OutgoingMedia], most: int) -> list[list[OutgoingMedia]]:
    return [media[first : first + most] for first in range(0, len(media), most)]
