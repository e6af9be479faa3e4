"""Deleting what was sent: a run's messages, and the copies of its files that Original has sent.

A bot can delete its messages for two days. After that an empty picture takes the place of a message's file.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from functools import partial
from struct import pack

from telegram import InputMediaDocument, InputMediaPhoto
from telegram.error import TelegramError

from bot.core.errors import DeliveryFailed
from bot.core.model import Person
from bot.core.platform import KeyValueStore, RunRecord
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unchanged, Unsuitable
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import Chat, link
from bot.platforms.telegram.runs import captions

_SIDE = 64  # pixels of the empty picture
_MOST = 20  # messages that are named to a person


class MessageEraser:
    """Deletes or blanks messages, and remembers the copies that it will have to delete."""

    def __init__(self, api: TelegramApi, notes: KeyValueStore) -> None:
        self._api, self._notes = api, notes

    async def erase_run(self, chat: Chat, message: int | None, person: Person, run_id: str) -> list[tuple[Chat, int]]:
        """Erase the messages of a run, and the copies of its files. Returns those that stay."""
        stay = await self._erase_copies(storage_keys.copies(person, run_id))
        name = storage_keys.album(run_id)
        for group in await self._notes.get(name) or ():
            for each in group:
                if not await self.erase(chat, each):
                    stay.append((chat, each))
                await self._notes.drop(storage_keys.part(chat, each))
        await self._notes.drop(name)
        if message is not None and not await self.erase(chat, message):
            stay.append((chat, message))
        return stay

    async def erase_cells(
        self, chat: Chat, person: Person, group: str, run_ids: Collection[str]
    ) -> list[tuple[Chat, int]]:
        """Erase the pictures and copies of some runs of a group. Returns those that stay."""
        stay = [each for run_id in run_ids for each in await self._erase_copies(storage_keys.copies(person, run_id))]
        for album in await self._notes.get(storage_keys.album(group)) or ():
            for message in album:
                part = await self._notes.get(storage_keys.part(chat, message))
                if part is not None and part[0] in run_ids:
                    if not await self.erase(chat, message):
                        stay.append((chat, message))
                    await self._notes.drop(storage_keys.part(chat, message))
        return stay

    async def note_copy(self, run: RunRecord, chat: Chat, message: int) -> None:
        """Remember a message with a copy of a run's file."""
        await self._notes.put(storage_keys.copy(run.person, run.id, chat, message), True)

    async def erase_all_copies(self, person: Person) -> list[tuple[Chat, int]]:
        """Erase the copies of all runs of a person. Returns those that stay."""
        return await self._erase_copies(storage_keys.copies(person))

    async def _erase_copies(self, prefix: str) -> list[tuple[Chat, int]]:
        stay = []
        for name in await self._notes.starting(prefix):
            *_other, chat, message = name.split(":")
            if await self.erase(Chat.read(chat), int(message), copy=True):
                await self._notes.drop(name)
            else:
                stay.append((Chat.read(chat), int(message)))
        return stay

    async def erase(self, chat: Chat, message: int, *, copy: bool = False) -> bool:
        """Delete a message, or blank it. False if Telegram allows neither. A copy is a document."""
        if await self._delete(chat, message):
            return True
        document, photo = partial(self._blank_file, InputMediaDocument), partial(self._blank_file, InputMediaPhoto)
        for blank in (document,) if copy else (photo, self._blank_text, document):
            try:
                await self._api.ask(chat, partial(blank, message), message=message)
                return True
            except Unchanged:
                return True
            except Gone as fault:
                return "not found" in str(fault).lower()
            except Unsuitable:
                continue
            except DeliveryFailed:
                return False
        return False

    async def _delete(self, chat: Chat, message: int) -> bool:
        """Deleting has no limit in a minute, so it waits for no turn."""
        try:
            return await self._api.bot.delete_message(chat.id, message)
        except TelegramError as fault:
            return "message to delete not found" in fault.message.lower()

    async def _blank_text(self, message: int, chat: int) -> object:
        return await self._api.bot.edit_message_text(_("Deleted."), chat, message)

    async def _blank_file(self, kind: type[InputMediaPhoto | InputMediaDocument], message: int, chat: int) -> object:
        media = kind(_empty(), _("Deleted."), filename="deleted.png")
        return await self._api.bot.edit_message_media(media, chat, message)


async def tell(responder: Responder, caller: Caller, stay: Sequence[tuple[Chat, int]]) -> None:
    """Tell a person which messages they have to delete themselves."""
    if not stay:
        return
    words = _("Telegram does not let me delete these messages. Please delete them yourself: {messages}")
    named = [link(chat, message) for chat, message in stay if not chat.is_private][:_MOST]
    private = sum(chat.is_private for chat, _message in stay)
    if private:
        named.append(_("{count} in our private chat").format(count=private))
    await responder.say(caller, captions.plain(words.format(messages=", ".join(named))))


def _empty() -> bytes:
    """A small grey PNG."""
    rows = (b"\0" + b"\x80" * _SIDE) * _SIDE
    chunks = ((b"IHDR", pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))
