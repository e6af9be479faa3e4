"""The form in which each file of a result is sent: a photo if Telegram takes it as one, else a document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from math import ceil
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
from bot.core.platform import Film, measure
from bot.i18n import _
from bot.platforms.telegram.api.client import TelegramApi, replying

UPLOAD, LOCAL_UPLOAD = 50_000_000, 2_000_000_000  # bytes a file
ALBUM = 10
PHOTO_BYTES, _PHOTO_SUM, PHOTO_RATIO = 10_000_000, 10_000, 20
PHOTOS, VIDEOS, _AUDIO = (".png", ".jpg", ".jpeg", ".webp"), (".mp4", ".m4v"), (".mp3", ".m4a")

Media: TypeAlias = InputMediaPhoto | InputMediaVideo | InputMediaAnimation | InputMediaAudio | InputMediaDocument


class Way(StrEnum):
    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    AUDIO = "audio"
    DOCUMENT = "document"


@dataclass(frozen=True)
class OutgoingMedia:
    """A file and the way that it goes. `number` is its place among the files of its result, if it is one of them. Of a
    film apps are told the size and the duration, as far as they are known, and what to show before it plays.
    """

    file: ResultFile
    way: Way
    number: int | None = None
    film: Film | None = None
    poster: bytes | None = field(default=None, repr=False)
    made: bool = False

    def media(self, content: Path | InputFile, caption: str = "", *, spoiler: bool = False) -> Media:
        """It as Telegram's own, with what `contents` gives for it; the caption is HTML."""
        name, html = self.file.filename, ParseMode.HTML
        match self.way:
            case Way.PHOTO:
                return InputMediaPhoto(content, caption, html, filename=name, has_spoiler=spoiler or None)
            case Way.VIDEO:
                return InputMediaVideo(
                    content, caption, parse_mode=html, filename=name, has_spoiler=spoiler or None, **self._of_film
                )
            case Way.ANIMATION:
                return InputMediaAnimation(
                    content,
                    caption=caption,
                    parse_mode=html,
                    filename=name,
                    has_spoiler=spoiler or None,
                    **self._of_film,
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
                return await bot.send_video(chat, content, **more, **hidden, **self._of_film)
            case Way.ANIMATION:
                return await bot.send_animation(chat, content, **more, **hidden, **self._of_film)
            case Way.AUDIO:
                return await bot.send_audio(chat, content, **more)
            case Way.DOCUMENT:
                return await bot.send_document(chat, content, disable_content_type_detection=True, **more)

    @property
    def _of_film(self) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if self.film is not None:
            told = {"width": self.film.width, "height": self.film.height, "duration": ceil(self.film.seconds)}
        if self.poster is not None:
            told["thumbnail"] = self.poster
        return told | ({"supports_streaming": True} if self.way is Way.VIDEO else {})

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


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[IO[bytes]]:
    """Open a file that is read while it is sent."""
    with await _opened(path) as file:
        yield file


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


async def outgoing(file: ResultFile) -> OutgoingMedia:
    """The way that a file goes."""
    suffix = file.path.suffix.lower()
    if suffix == ".gif":
        return OutgoingMedia(file, Way.ANIMATION)
    if suffix in VIDEOS:
        return OutgoingMedia(file, Way.VIDEO)
    if suffix in _AUDIO:
        return OutgoingMedia(file, Way.AUDIO)
    return OutgoingMedia(file, Way.PHOTO if suffix in PHOTOS and await is_photo(file.path) else Way.DOCUMENT)


def albums(media: Sequence[OutgoingMedia]) -> list[list[OutgoingMedia]]:
    """Group files into albums: pictures with videos, sounds with sounds, documents with documents; ten at most."""
    ordered = sorted(media, key=_album_kind)  # stable: files of one kind keep their order
    groups = [list(group) for _key, group in groupby(ordered, key=_album_kind)]
    return [chunk for group in groups for chunk in _chunks(group, 1 if group[0].way is Way.ANIMATION else ALBUM)]


def too_large(file: ResultFile, size: int, most: int) -> str:
    words = _("{name} has {size:.1f} MB, and at most {most:g} MB can be sent here.")
    return words.format(name=file.filename, size=size / 1e6, most=most / 1e6)


async def size_of(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size


async def is_photo(path: Path) -> bool:
    """True if Telegram takes a file as a photo."""
    shape = await measure(path)
    if shape is None or shape.animated or await size_of(path) > PHOTO_BYTES:
        return False
    short, long = sorted((shape.width, shape.height))
    return short + long <= _PHOTO_SUM and long <= short * PHOTO_RATIO


def _album_kind(media: OutgoingMedia) -> int:
    return {Way.PHOTO: 0, Way.VIDEO: 0, Way.ANIMATION: 1, Way.AUDIO: 2, Way.DOCUMENT: 3}[media.way]


def _chunks(media: list[OutgoingMedia], most: int) -> list[list[OutgoingMedia]]:
    return [media[first : first + most] for first in range(0, len(media), most)]
