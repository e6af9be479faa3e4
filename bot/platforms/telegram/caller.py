"""People who ask, the parts that answer them, and how a request becomes a run with a message."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from telegram import InlineKeyboardMarkup, User
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.core.errors import BadPicture, BadValue, DeliveryFailed, PlatformAway, StorageFailed, UserError
from bot.core.model import Person, Place, Received, RunRequest
from bot.core.platform import Button, ButtonPress, KeyValueStore, RunRecord, Services, example, work_folder
from bot.core.status_text import describe, private_words
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.access import ChatAccess
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unchanged, Unsuitable, replying
from bot.platforms.telegram.chats import Chat, address_of, link
from bot.platforms.telegram.forms.files import MessageFile, fetch
from bot.platforms.telegram.runs import callback_data, captions

#: A refused value, or a refused file.
BadInput: TypeAlias = BadValue | BadPicture
#: Asks again in a message for what was refused; whether it did.
AskAgain: TypeAlias = Callable[[int, BadInput], Awaitable[bool]]

_log = logging.getLogger(__name__)
_FAULTS = 5  # told in one message
_NEAR = 5  # messages after the last known one among which an answer is looked for


@dataclass(frozen=True)
class Caller:
    """A person who asks, their chat, and Telegram's update. `again`: an earlier process may have answered, with a
    message whose id is higher than `after`. `writes`: a person who presses a button may write there themselves.
    """

    person: Person
    place: Place
    chat: Chat
    update: int
    message: int | None = None
    again: bool = False
    after: int = 0
    writes: bool = True

    @property
    def is_private(self) -> bool:
        return self.chat.is_private


@dataclass(frozen=True)
class Responder:
    """The parts that answer people. `me` is the bot itself."""

    services: Services
    api: TelegramApi
    notes: KeyValueStore
    access: ChatAccess
    me: User
    reached: set[int] = field(default_factory=set)  # updates whose messages are dealt with here

    async def say(self, caller: Caller, html: str, keyboard: Any = None) -> int:
        """Answer a person's message. Returns the answer's id."""
        sent = await self.api.send(caller.chat, html, keyboard, reply_to=caller.message)
        return sent.message_id

    async def run_at(self, chat: Chat, message: int | None) -> tuple[RunRecord | None, int | None]:
        """The run that a message belongs to, and which of its files it shows if it is one of several messages."""
        if (run := await self.services.runs.at(address_of(chat, message or 0))) is not None:
            return run, None
        noted = await self.notes.get(storage_keys.part(chat, message or 0))
        return (await self.services.runs.get(noted[0]), noted[1]) if noted is not None else (None, None)

    async def check_press(self, caller: Caller, button: Button, owner: str = "") -> None:
        """Raise `NotAllowed` if a person may not press a button that is no run's. `owner` is whom it names."""
        press = ButtonPress(button, caller.person, caller.place, owner, openly=True, writes=caller.writes)
        await self.services.runs.check_press(press)

    async def open(
        self,
        caller: Caller,
        request: RunRequest,
        *,
        message: int | None = None,
        hidden: bool = False,
        ask_again: AskAgain | None = None,
    ) -> bool:
        """Have a run taken in, whose message is a new one, or one that stood for its draft. `ask_again` may ask for a
        value or a file that was refused, in that message. Returns True if it did.

        An update that is handled again after a crash finds the message that it has opened, and the run if there is one:
        also a message that Telegram took and that we did not come to note, if it is one of the next few in its chat.
        """
        request = replace(request, private=request.private and not caller.is_private)
        if request.private:
            await self.services.runs.check_private(request)
        opened, where = storage_keys.opened(caller.update), self._destination(caller, request)
        self.reached.add(caller.update)
        noted = await self.notes.get(opened)
        if noted is None:
            known = await self._first_words(caller, where, request, message)
            await self.notes.put(opened, [str(where), known])
        else:
            known = noted if isinstance(noted, int) else noted[1]  # a number alone was noted by version 0.1
        address = address_of(where, known)
        if await self.services.runs.at(address) is not None:
            return False
        if hidden:
            await self.notes.put(storage_keys.spoiler(where, known), True)
        try:
            with work_folder() as folder:
                values = await self._fetched(request.values, folder)
                await self.services.runs.submit(replace(request, values=values), address)
        except (UserError, StorageFailed, DeliveryFailed, TelegramError) as fault:
            asks = ask_again if where == caller.chat else None
            if isinstance(fault, BadValue | BadPicture) and asks is not None and await asks(known, fault):
                return True
            sentence = await self.sentence(caller, request.workflow, fault)
            if where == caller.chat or request.private:
                await self.edit(where, known, sentence)
            else:
                await self.remove(where, known)
                await self.say(caller, sentence)
        return False

    async def end_unkept(self, update: int) -> None:
        """End the message that an update has opened, if no run came of it and none will."""
        noted = await self.notes.get(storage_keys.opened(update))
        if not isinstance(noted, list):
            return
        where, message = Chat.read(noted[0]), int(noted[1])
        if await self.services.runs.at(address_of(where, message)) is None:
            words = _("Your request was not kept, because I was restarted or sent away. Please send it again.")
            with suppress(Gone, Unsuitable, DeliveryFailed):
                await self.edit(where, message, captions.plain(words))
        await self.notes.drop(storage_keys.opened(update))

    async def end_unkept_in(self, chat: int) -> None:
        """End such messages of a chat that the bot was sent away from, once it is back."""
        for name, noted in (await self.notes.starting(storage_keys.OPENED)).items():
            update = int(name.removeprefix(storage_keys.OPENED))
            if isinstance(noted, list) and Chat.read(noted[0]).id == chat and update not in self.reached:
                await self.end_unkept(update)

    async def edit(self, chat: Chat, message: int, html: str, keyboard: Any = None) -> None:
        """Set a message's text."""
        html_mode = ParseMode.HTML

        async def work(number: int) -> None:
            await self.api.bot.edit_message_text(html, number, message, parse_mode=html_mode, reply_markup=keyboard)

        try:
            await self.api.ask(chat, work, message=message)
        except Unchanged:
            return

    async def remove(self, chat: Chat, message: int) -> None:
        """Delete a message of ours, or leave it where it cannot be."""
        with suppress(TelegramError):
            await self.api.bot.delete_message(chat.id, message)

    async def sentence(self, caller: Caller, workflow: str, fault: Exception) -> str:
        """A fault as HTML: of a value with an example that works."""
        if isinstance(fault, DeliveryFailed | TelegramError):
            _log.info("the files of a request were not handed over: %s", fault)
            return _("Telegram did not hand over your file. Please send the request again.")
        if not isinstance(fault, BadValue):
            return captions.plain(str(fault))
        if len(fault.each) > 1:
            return "\n\n".join([await self.sentence(caller, workflow, each) for each in fault.each[:_FAULTS]])
        form = await self.services.workflows.form(workflow, caller.person, caller.place)
        shown = example(self.services.workflows.name(workflow), form, fault.field)
        field, reason = captions.plain(fault.field), captions.plain(fault.reason)
        return f"<b>{field}</b>: {reason}\n" + _("For example: {example}").format(
            example=f"<code>{captions.plain(shown)}</code>"
        )

    def _destination(self, caller: Caller, request: RunRequest) -> Chat:
        """The topic of the same group that moderators want results in; else where it is asked for. For a private run
        the chat with the person. Raises `UserError` if there can be none.
        """
        if request.private:
            if int(caller.person.id) <= 0:
                raise UserError(_("A group or a channel has no private chat. Ask in your own name."))
            return Chat(int(caller.person.id))
        results = self.services.workflows.display(request.person, request.place, request.workflow).results
        wanted = caller.chat if results in (None, "here", "thread") else Chat.read(results)
        return wanted if wanted.id == caller.chat.id else caller.chat

    async def _first_words(self, caller: Caller, where: Chat, request: RunRequest, message: int | None) -> int:
        words = _("{title} for {name}").format(
            title=self.services.workflows.title(request.workflow), name=caller.person.name or caller.person.id
        )
        html, keyboard = (
            captions.lines(f"{words}\n{describe(Received())}", captions.CAPTION),
            callback_data.opened(caller.update),
        )
        if request.private:
            return await self._first_words_in_private(caller, where, html, keyboard, message)
        if where != caller.chat:
            return await self._first_words_elsewhere(caller, where, html, keyboard, message)
        if message is None:
            return await self._send_once(caller, where, html, keyboard)
        await self.edit(where, message, html, keyboard)
        return message

    async def _first_words_in_private(
        self, caller: Caller, where: Chat, html: str, keyboard: InlineKeyboardMarkup, message: int | None
    ) -> int:
        """Open the message in the chat with the person, and leave nothing of the request in the group, as far as the
        bot may delete there.
        """
        try:
            sent = await self._send_once(caller, where, f"{html}\n{captions.plain(private_words())}", keyboard)
        except PlatformAway:
            raise
        except (Gone, Unsuitable, DeliveryFailed) as fault:
            words = _(
                "I cannot write to you in private. Open a chat with me, press Start, and ask again: https://t.me/{name}"
            )
            raise UserError(words.format(name=self.me.username)) from fault
        for each in (message, caller.message):
            if each is not None:
                await self.remove(caller.chat, each)
        return sent

    async def _first_words_elsewhere(
        self, caller: Caller, where: Chat, html: str, keyboard: InlineKeyboardMarkup, message: int | None
    ) -> int:
        """Open the message in another topic, and say so where it was asked for."""
        try:
            sent = await self._send_once(caller, where, html, keyboard)
        except (Gone, Unsuitable) as fault:
            words = _("Results go to a topic that I cannot write in: a moderator names another with /moderate where.")
            raise UserError(words) from fault
        told = _("The result will appear in {place}.").format(place=link(where, sent))
        if message is None:
            await self.say(caller, told)
        else:
            await self.edit(caller.chat, message, told)
        return sent

    async def _send_once(self, caller: Caller, where: Chat, html: str, keyboard: InlineKeyboardMarkup) -> int:
        """Send a message only once; its id, also if an earlier try sent it without getting an answer."""
        tried, after = caller.again, max(caller.message or 0, caller.after or self.api.last.of(where.id))
        if where.id != caller.chat.id:  # which has numbers of its own
            after = self.api.last.of(where.id)
            tried = tried and after > 0

        async def work(chat: int) -> int:
            nonlocal tried
            if tried and (known := await self._find(where, after, keyboard)) is not None:
                return known
            tried = True
            sent = await self.api.bot.send_message(
                chat,
                html,
                ParseMode.HTML,
                message_thread_id=where.topic,
                reply_markup=keyboard,
                reply_parameters=replying(caller.message if where == caller.chat else None),
            )
            self.api.last.see(sent)
            return sent.message_id

        return await self.api.ask(where, work)

    async def _find(self, where: Chat, after: int, keyboard: InlineKeyboardMarkup) -> int | None:
        """A message with these buttons, which no other has, among the next after one.

        Telegram tells bots nothing of their messages, but refuses to give one the buttons that it has already.
        """
        for number in range(after + 1, after + 1 + _NEAR):
            if await self.services.runs.at(address_of(where, number)) is not None:
                continue
            try:
                await self._mark(where, number, keyboard)
            except Unchanged:
                return number
            except (Gone, Unsuitable):
                continue
            await self._mark(where, number, None)  # another message of ours, which had none
        return None

    async def _mark(self, chat: Chat, message: int, keyboard: InlineKeyboardMarkup | None) -> None:
        async def work(number: int) -> None:
            await self.api.bot.edit_message_reply_markup(number, message, reply_markup=keyboard)

        await self.api.ask(chat, work)

    async def _fetched(self, values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        found = dict(values)
        for name, value in values.items():
            if isinstance(value, tuple):
                found[name] = tuple([await self._file(each, folder, f"{name}-{at}") for at, each in enumerate(value)])
            else:
                found[name] = await self._file(value, folder, name)
        return found

    async def _file(self, value: Any, folder: Path, name: str) -> Any:
        return await fetch(self.api, value, folder, name) if isinstance(value, MessageFile) else value
