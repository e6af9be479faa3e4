"""A run's one message: words at first, a picture while it develops, and the result in its place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from telegram import InlineKeyboardMarkup, InputMediaPhoto, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot.core.errors import DeliveryFailed, MessageGone, NotNow, PlatformAway
from bot.core.model import (
    Address,
    Cancelled,
    Delivering,
    Done,
    Failed,
    Held,
    Paused,
    Queued,
    Result,
    Running,
    RunSummary,
    Status,
)
from bot.core.platform import KeyValueStore, missing, work_folder
from bot.core.port import Limits
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.api.client import (
    Ask,
    Gone,
    TelegramApi,
    Unchanged,
    Unconfirmed,
    Unsuitable,
    refusal,
    replying,
)
from bot.platforms.telegram.chats import Chat
from bot.platforms.telegram.runs import callback_data, captions
from bot.platforms.telegram.runs.chat_action import ChatActions
from bot.platforms.telegram.runs.media import (
    ALBUM,
    LOCAL_UPLOAD,
    UPLOAD,
    OutgoingMedia,
    Way,
    albums,
    contents,
    size_of,
)
from bot.platforms.telegram.runs.message_state import MessageState, MessageStates
from bot.platforms.telegram.runs.packing import Packed, packed, text_file

_PRIVATE_INTERVAL, _GROUP_INTERVAL = 2.0, 6.0  # seconds: twice what is borne, so that a result seldom has to wait
_HTML = ParseMode.HTML
_PATIENCE = 4.0  # seconds that a place in line waits for its turn
_SOON = 1.5  # seconds: what ends so soon is not worth an edit that its result would have to wait for


@dataclass(frozen=True)
class ReplyContext:
    """The parts that replies share in one process."""

    api: TelegramApi
    notes: KeyValueStore
    states: MessageStates
    busy: ChatActions
    previews: bool = True


class TelegramReply:
    """Edits the message at an address."""

    def __init__(self, context: ReplyContext, address: Address, brief: RunSummary) -> None:
        self._context, self._brief = context, brief
        self._api, self._notes = context.api, context.notes
        self._chat, self._message = Chat.read(address.chat), int(address.message)
        self._state: MessageState = context.states.of(self._chat, self._message)
        self._left = False

    @property
    def limits(self) -> Limits:
        size = LOCAL_UPLOAD if self._api.local else UPLOAD
        interval = _PRIVATE_INTERVAL if self._chat.is_private else _GROUP_INTERVAL
        return Limits(size, ALBUM, captions.TEXT, interval, self._previews)

    async def show(self, status: Status) -> None:
        """See `Reply.show`. What is on its way to a result never keeps that result waiting."""
        match status:
            case Delivering() | Done():
                return
            case Running():
                self._context.busy.begin(self._chat, self._message)
                self._let_end(status)
                await self._progress(status, 0.0)
            case Queued():
                await self._progress(status, _PATIENCE)
            case Held() | Paused():
                patience = None if isinstance(status, Held) else _PATIENCE  # nothing else may follow for days
                await self._progress(status, patience)
                self._context.busy.end(self._chat, self._message)
            case Failed() | Cancelled():
                await self._finish(status)

    async def deliver(self, result: Result) -> None:
        """See `Reply.deliver`."""
        self._supersede(final=True)
        with work_folder() as folder:
            async with self._state.lock:
                packing = await packed(result.files, self.limits.file_bytes, folder)
                result = replace(result, warnings=(*result.warnings, *packing.warnings))
                await self._deliver(*await self._with_texts(packing, result, folder))

    async def _with_texts(self, packing: Packed, result: Result, folder: Path) -> tuple[Packed, Result]:
        """Texts that have no room in the message go along as a file."""
        most = captions.CAPTION if len(packing.shown) == 1 else captions.TEXT
        if not result.texts or captions.fits(result, self._brief, most):
            return packing, result
        file = await text_file("\n\n".join(result.texts), f"{result.workflow}.txt", folder)
        warnings = (*result.warnings, _("The whole text is in the file."))
        return replace(packing, beside=(*packing.beside, file)), replace(result, warnings=warnings)

    async def _deliver(self, packing: Packed, result: Result) -> None:
        """Show a result: one picture becomes the message, with the rest below it; of several, the words and buttons
        are sent below them.
        """
        several = len(packing.shown) > 1
        sure = await self._send_all(packing.every if several else packing.beside, below=not several)
        words = _("Telegram has not said whether all files came. If one is missing, press Original to get them again.")
        doubt = [] if sure else [words]
        doubt += self._doubts
        keyboard = self._result_keyboard(result, packing, original=bool(doubt))
        if len(packing.shown) == 1:
            await self._deliver_one(packing.shown[0], result, keyboard, *doubt)
            return
        text = self._result_text(result, captions.TEXT, *doubt, *result.texts)
        await (self._put_below(text, keyboard) if several else self._set_words(text, keyboard))

    def _let_end(self, status: Running) -> None:
        """Leave what should end at once the time to do so: where it has not, a status comes again."""
        soon = status.eta is not None and status.eta <= _SOON
        self._left = soon and not self._left
        if self._left:
            raise NotNow

    async def _progress(self, status: Status, patience: float | None) -> None:
        """Show something, unless a later status or a result is on its way. If there is a limit to the patience, in
        seconds, it may as well not be shown.
        """
        if self._state.is_final:
            return
        number = self._supersede()
        keyboard = self._waiting_keyboard

        async def edit(chat: int) -> None:
            if self._state.edit_number != number:
                return
            async with self._state.lock:
                if self._state.edit_number == number:
                    await self._edit_progress(chat, status, keyboard)

        try:
            if patience is None:
                await self._api.ask(self._chat, edit, message=self._target)
            elif not await self._api.offer(self._chat, edit, message=self._target, patience=patience):
                raise NotNow(after=self._api.room(self._chat, self._target))
        except Unchanged:
            pass
        except Gone as fault:
            if not await self._look_for_it():
                raise MessageGone from fault
        except Unsuitable as fault:
            raise DeliveryFailed(str(fault)) from fault

    async def _edit_progress(self, chat: int, status: Status, keyboard: InlineKeyboardMarkup) -> None:
        text = self._status_text(status)
        preview = status.preview if isinstance(status, Running) and self._previews else None
        if preview is not None and await self._show_preview(chat, InputMediaPhoto(preview, text, _HTML), keyboard):
            return
        await self._edit_words(chat, text, keyboard, or_caption=self._may_be_picture)

    async def _show_preview(self, chat: int, media: InputMediaPhoto, keyboard: InlineKeyboardMarkup) -> bool:
        """Show a preview; true if Telegram took the picture."""
        try:
            await self._api.bot.edit_message_media(media, chat, self._target, reply_markup=keyboard)
        except BadRequest as fault:
            if not isinstance(refusal(fault.message), Unsuitable):
                raise
            return False
        return True

    async def _edit_words(
        self, chat: int, text: str, keyboard: InlineKeyboardMarkup, *, or_caption: bool = True
    ) -> None:
        """Set the text, or the caption where the message is a picture by now; of which a result is one, too."""
        try:
            await self._api.bot.edit_message_text(text, chat, self._target, parse_mode=_HTML, reply_markup=keyboard)
        except BadRequest as fault:
            if not (or_caption and "no text in the message" in fault.message.lower()):
                raise
            await self._edit_caption(chat, text, keyboard)

    async def _edit_caption(self, chat: int, text: str, keyboard: InlineKeyboardMarkup) -> None:
        bot = self._api.bot
        await bot.edit_message_caption(chat, self._target, caption=text, parse_mode=_HTML, reply_markup=keyboard)

    async def _finish(self, status: Failed | Cancelled) -> None:
        """Show the end of a run that has no result; where Telegram does not take it, note that it is to be shown."""
        self._supersede(final=True)
        text = captions.of_status(status, self._brief, captions.CAPTION)
        made, masks = isinstance(status, Failed) and status.made, self._brief.masks
        keyboard = callback_data.ended(self._brief.run_id, original=made, masks=masks)
        async with self._state.lock:
            try:
                await self._set_words(text, keyboard)
            except MessageGone:
                raise
            except DeliveryFailed as fault:
                is_away, note = isinstance(fault, PlatformAway), storage_keys.untold(self._brief.run_id)
                await self._notes.put(note, "" if is_away else str(self._chat))
                if is_away:
                    raise
                await self._set_words(text, keyboard)  # the bot may have been let in again before there was the note
                await self._notes.drop(note)

    async def _set_words(self, text: str, keyboard: InlineKeyboardMarkup) -> None:
        async def edit(chat: int) -> None:
            await self._edit_words(chat, text, keyboard)

        await self._put(edit, partial(self._send_words, text, keyboard))

    async def _send_words(self, text: str, keyboard: InlineKeyboardMarkup, chat: int) -> Message:
        topic = self._chat.topic
        return await self._api.bot.send_message(chat, text, _HTML, message_thread_id=topic, reply_markup=keyboard)

    async def _deliver_one(
        self, only: OutgoingMedia, result: Result, keyboard: InlineKeyboardMarkup, *doubt: str
    ) -> None:
        """The result in the message's own place."""
        spoiler = await self._is_hidden()
        caption = self._result_text(result, captions.CAPTION, *doubt, *result.texts)
        patience = self._api.patience.of(await size_of(only.file.path))

        async def edit(chat: int) -> None:
            async with contents([only], local=self._api.local) as (content,):
                media = only.media(content, caption, spoiler=spoiler)
                await self._api.bot.edit_message_media(media, chat, self._target, reply_markup=keyboard, **patience)

        async def send(chat: int) -> Message:
            topic = self._chat.topic
            return await only.post(self._api, chat, topic=topic, caption=caption, keyboard=keyboard, spoiler=spoiler)

        try:
            await self._put(edit, send)
        except Unsuitable as fault:
            if only.way is Way.DOCUMENT:
                raise DeliveryFailed(_refusal(fault)) from fault
            await self._deliver_one(only.as_document(), result, keyboard, *doubt)

    async def _send_all(self, files: Sequence[OutgoingMedia], *, below: bool) -> bool:
        """Send files as messages of their own, `below` ours or instead of it. True if it is sure that all came.

        What has been sent is noted, so that it is not sent again after a crash. Of an album that Telegram had taken
        without our having come to note it nothing can be known: it is sent again rather than lost. Where it is only
        Telegram's answer that did not come, it is not, and the message says so.
        """
        if not files:
            return True
        if self._brief.restored:  # the bot that is gone may have sent them
            return False
        name = storage_keys.album(self._brief.run_id)
        sent: list[list[int]] = await self._notes.get(name) or []
        spoiler = await self._is_hidden()
        if not sent:
            await self._announce()
        for group in albums(files)[len(sent) :]:
            await self._about_to_send(len(sent))
            messages = await self._send_group(group, spoiler=spoiler, below=self._target if below else None)
            sent = [*sent, messages]
            await self._notes.put(name, sent)
            for message, each in zip(messages, group, strict=False):
                await self._notes.put(storage_keys.part(self._chat, message), self._part(each.number))
        return all(sent)

    async def _announce(self) -> None:
        """Say that files come. Raises `MessageGone` if a person deleted the message, so that nothing is sent."""
        text = self._status_text(Delivering())
        try:
            await self._api.ask(
                self._chat,
                lambda chat: self._edit_words(chat, text, self._waiting_keyboard),
                message=self._target,
                result=True,
            )
        except Unchanged:
            pass
        except Gone as fault:
            if not await self._look_for_it() and not self._api.has_migrated(self._chat):
                raise MessageGone from fault

    async def _send_group(self, group: Sequence[OutgoingMedia], *, spoiler: bool, below: int | None) -> list[int]:
        """The ids of the messages; none where Telegram has not said whether it took them."""
        patience = self._api.patience.of(sum([await size_of(each.file.path) for each in group]))

        async def send(chat: int) -> Sequence[Message]:
            bot, topic = self._api.bot, self._chat.topic
            if len(group) == 1:
                return [await group[0].post(self._api, chat, topic=topic, reply_to=below, spoiler=spoiler)]
            async with contents(group, local=self._api.local) as opened:
                media: list[Any] = [
                    each.media(content, spoiler=spoiler) for each, content in zip(group, opened, strict=True)
                ]
                return await bot.send_media_group(
                    chat, media, message_thread_id=topic, reply_parameters=replying(below), **patience
                )

        try:
            messages = await self._api.ask(self._chat, send, cost=len(group), result=True, once=True)
        except Unconfirmed:
            return []
        except Unsuitable as fault:
            if all(each.way is Way.DOCUMENT for each in group):
                raise DeliveryFailed(_refusal(fault)) from fault
            return await self._send_group([each.as_document() for each in group], spoiler=False, below=below)
        return [message.message_id for message in messages]

    async def _put_below(self, text: str, keyboard: InlineKeyboardMarkup) -> None:
        """Send the words and buttons below the files, and remove our message, which they stand for from now on.

        Where an earlier process may have sent them, or Telegram has not said that it took them, our message stays.
        """
        name = storage_keys.controls(self._brief.run_id)
        if await self._look_for_it() or self._state.moved_to is not None:
            await self._set_words(text, keyboard)
        elif (
            not self._brief.restored
            and await self._notes.add(name, True)
            and (message := await self._send_below(text, keyboard)) is not None
        ):
            await self._move_to(message)
            self._context.busy.end(self._chat, self._message)
        else:
            await self._set_words(text, keyboard)
            return
        with suppress(TelegramError):
            await self._api.bot.delete_message(self._chat.id, self._message)

    async def _send_below(self, text: str, keyboard: InlineKeyboardMarkup) -> int | None:
        """The id of the new message; None where Telegram has not said whether it took it."""
        try:
            send = partial(self._send_words, text, keyboard)
            return (await self._api.ask(self._chat, send, result=True, once=True)).message_id
        except Unconfirmed:
            return None

    async def _is_hidden(self) -> bool:
        """True if the result is to be covered until a reader taps it."""
        if self._brief.spoiler:
            return True
        return bool(await self._notes.get(storage_keys.spoiler(self._chat, self._message)))

    @property
    def _previews(self) -> bool:
        return self._context.previews and self._brief.previews

    async def _put(self, edit: Ask[None], send: Ask[Message]) -> None:
        """Edit the message for good. Raises `MessageGone` if a person deleted it.

        Where the group has become a supergroup, in which its messages have other numbers, another is sent in its place,
        and remembered.
        """
        try:
            await self._api.ask(self._chat, edit, message=self._target, result=True)
        except Unchanged:
            pass
        except Gone as fault:
            if await self._look_for_it():
                await self._put(edit, send)
            elif self._api.has_migrated(self._chat) and not self._brief.restored:
                await self._send_anew(send)
            else:
                raise MessageGone from fault
        finally:
            self._context.busy.end(self._chat, self._message)

    async def _send_anew(self, send: Ask[Message]) -> None:
        with suppress(Unconfirmed):  # it has been sent, and is not to be there twice
            await self._move_to((await self._api.ask(self._chat, send, once=True)).message_id)

    async def _move_to(self, message: int) -> None:
        """Let another message stand for ours."""
        self._state.moved_to = message
        await self._notes.put(storage_keys.moved(self._chat, self._message), message)
        await self._notes.put(storage_keys.part(self._chat, message), self._part(None))

    async def _look_for_it(self) -> bool:
        """Look for a message that stands for ours; true if there is one that was not known."""
        known = await self._notes.get(storage_keys.moved(self._chat, self._message))
        found = known is not None and known != self._state.moved_to
        self._state.moved_to = known if found else self._state.moved_to
        return found

    @property
    def _may_be_picture(self) -> bool:
        """True if the message may have become a picture before its result."""
        return self._previews

    @property
    def _waiting_keyboard(self) -> InlineKeyboardMarkup:
        return callback_data.waiting(self._brief.run_id)

    def _status_text(self, status: Status) -> str:
        return captions.of_status(status, self._brief, captions.CAPTION)

    def _result_text(self, result: Result, most: int, *more: str) -> str:
        return captions.of_result(result, self._brief, most, *more)

    def _result_keyboard(self, result: Result, packing: Packed, *, original: bool) -> InlineKeyboardMarkup:
        return _keyboard(result, packing, original=original, masks=self._brief.masks)

    def _part(self, number: int | None) -> list[Any]:
        """The run whose file a message shows, by the file's number; None for the message with the words."""
        return [self._brief.run_id, number]

    async def _about_to_send(self, album: int) -> None:
        """Called before an album is sent, with its number."""

    @property
    def _doubts(self) -> list[str]:
        """More that is not certain of the files that were sent."""
        return []

    def _supersede(self, *, final: bool = False) -> int:
        self._state.edit_number += 1
        self._state.is_final = final
        return self._state.edit_number

    @property
    def _target(self) -> int:
        return self._state.moved_to or self._message


def _keyboard(result: Result, packing: Packed, *, original: bool = False, masks: bool = False) -> InlineKeyboardMarkup:
    """`original`: offer the files themselves also where no photo stands for one that does not go beside it."""
    picture = any(each.file.kind == "image" for each in packing.shown)
    film = not missing() and any(each.file.kind == "video" for each in packing.shown)
    whole = {each.number for each in packing.beside}
    original = original or any(
        each.made or (each.way is Way.PHOTO and each.number not in whole) for each in packing.shown
    )
    return callback_data.delivered(
        result.run_id, picture=picture, original=original, film=film, count=len(result.files), masks=masks
    )


def _refusal(fault: Unsuitable) -> str:
    return _("Telegram does not take this result: {reason}").format(reason=fault)
