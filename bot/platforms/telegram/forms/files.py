"""Files that people send: found in their messages, and fetched when they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from telegram import ExternalReplyInfo, Message, Sticker
from telegram.error import BadRequest, TelegramError

from bot.core.errors import BadPicture
from bot.core.model import StoredFile, UploadedFile
from bot.core.platform import FieldKind, kind_of_file
from bot.i18n import _
from bot.platforms.telegram.api.client import TelegramApi


@dataclass(frozen=True)
class MessageFile:
    """A file as Telegram keeps it."""

    file_id: str
    filename: str
    kind: str


#: What may stand in a media field before it is fetched: a file of a message, or of an earlier run.
Source: TypeAlias = MessageFile | StoredFile


def sources(messages: Iterable[Message | ExternalReplyInfo]) -> list[MessageFile]:
    """The files of messages, in their order."""
    return [sent for message in messages if (sent := _file(message)) is not None]


async def fetch(api: TelegramApi, sent: MessageFile, folder: Path, field: str) -> UploadedFile:
    """Download a file for a field. Raises `BadPicture` where Telegram does not give it."""
    path = folder / f"sent-{field}{Path(sent.filename).suffix[:9]}"
    try:
        await api.fetch(sent.file_id, path)
    except BadRequest as fault:
        if "too big" in fault.message.lower():
            words = _("{name} is too large: Telegram gives bots files of at most 20 MB.")
        else:
            words = _("Telegram no longer has {name}: please send it again.")
        raise BadPicture(words.format(name=sent.filename), field) from fault
    except TelegramError as fault:
        words = _("{name} could not be fetched from Telegram: please send it again.")
        raise BadPicture(words.format(name=sent.filename), field) from fault
    return UploadedFile(path, sent.filename)


def to_json(source: Source) -> dict[str, Any]:
    return asdict(source)


def from_json(data: dict[str, Any]) -> Source:
    """Read the data that `to_json` writes."""
    return MessageFile(**data) if "file_id" in data else StoredFile(**data)


def _file(message: Message | ExternalReplyInfo) -> MessageFile | None:
    """The largest size of a photo; else what was sent as a file, whose type is its content's to tell."""
    number = message.message_id or 0
    if message.photo:
        return MessageFile(message.photo[-1].file_id, f"photo-{number}.jpg", FieldKind.IMAGE)
    if (video := message.video) is not None:
        return MessageFile(video.file_id, video.file_name or f"video-{number}.mp4", FieldKind.VIDEO)
    if (note := message.video_note) is not None:
        return MessageFile(note.file_id, f"video-{number}.mp4", FieldKind.VIDEO)
    if (audio := message.audio or message.voice) is not None:
        name = getattr(audio, "file_name", None) or f"audio-{number}.{'ogg' if message.voice else 'mp3'}"
        return MessageFile(audio.file_id, name, FieldKind.AUDIO)
    if (document := message.document) is not None:
        name = document.file_name or f"file-{number}"
        return MessageFile(document.file_id, name, kind_of_file(name, document.mime_type))
    return _sticker(message.sticker, number) if message.sticker is not None else None


def _sticker(sticker: Sticker, number: int) -> MessageFile | None:
    """Of one that is drawn as it moves, its small picture."""
    if sticker.is_video:
        return MessageFile(sticker.file_id, f"sticker-{number}.webm", FieldKind.VIDEO)
    if not sticker.is_animated:
        return MessageFile(sticker.file_id, f"sticker-{number}.webp", FieldKind.IMAGE)
    small = sticker.thumbnail
    return MessageFile(small.file_id, f"sticker-{number}.webp", FieldKind.IMAGE) if small is not None else None
