"""The reception: hands each update to what answers it; side by side for everybody, in order for each person."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from telegram import CallbackQuery, ChatMember, ChatMemberUpdated, Message, Update
from telegram.error import TelegramError

from bot.core.errors import DeliveryFailed, StorageFailed, UserError
from bot.core.model import Person, Place
from bot.core.platform import Button, end_all, note_arrival
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.access import refusal
from bot.platforms.telegram.api.client import Gone, Unsuitable
from bot.platforms.telegram.api.update_queue import UpdateQueue
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import (
    NAME,
    Chat,
    asker,
    chat_of,
    place_of,
    presser,
    said,
    speaks_for_chat,
    whole_group,
)
from bot.platforms.telegram.forms.fsm import FormDialog
from bot.platforms.telegram.forms.prompts import PromptStep
from bot.platforms.telegram.moderation.commands import ModerateCommand
from bot.platforms.telegram.moderation.panel import Click
from bot.platforms.telegram.moderation.saved import SavedAnswer
from bot.platforms.telegram.own.settings import PICK, SETTINGS, SettingsCommand
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.bot_commands import MODERATE, BotCommands
from bot.platforms.telegram.runs.buttons import RunButtons
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData
from bot.platforms.telegram.runs.commands import BasicCommands
from bot.platforms.telegram.runs.presets import PRESET, PresetCommand
from bot.platforms.telegram.runs.request import Command, Requests, words_of
from bot.platforms.telegram.runs.untold import UntoldEnds

_log = logging.getLogger(__name__)
_MOST = 1000  # runs that are cancelled where the bot was sent away
_FAREWELL = 3.0  # seconds: a shutdown waits no longer for answers
_ALBUM_QUIET = 0.7  # seconds after which an album is thought to be whole: its pictures come as messages of their own


@dataclass
class _Line:
    """Those who wait for what the same person has sent before."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    count: int = 0


class Dispatcher:
    """Serves updates from an inbox."""

    def __init__(
        self,
        responder: Responder,
        inbox: UpdateQueue,
        untold: UntoldEnds,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._responder, self._services, self._inbox, self._sleep = responder, responder.services, inbox, sleep
        self._untold = untold
        self._asking = FormDialog(responder)
        self._requests = Requests(responder, self._asking)
        self._commands = BasicCommands(responder, self._asking)
        self._presets = PresetCommand(responder, self._asking)
        self._settings = SettingsCommand(responder, self._asking)
        self._buttons = RunButtons(responder, self._asking)
        self._menu = BotCommands(responder)
        self._moderating = ModerateCommand(responder)
        self._albums: dict[str, list[Update]] = {}
        self._lines: dict[tuple[int, int], _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def expire(self) -> None:
        """End the questions that had no answer for an hour."""
        await self._asking.expire()

    async def work(self) -> None:
        """Serve until cancelled; what is being answered then may still be answered, if it does not take long."""
        try:
            while True:
                update = await self._inbox.get()
                if _migrates(update):
                    await self._serve([update])  # before anybody speaks in the new group
                else:
                    self._take(update)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_FAREWELL)
            await end_all(self._tasks)

    def _take(self, update: Update) -> None:
        note_arrival()
        message = said(update)
        album = message.media_group_id if message is not None else None
        if album is None:
            self._begin(self._serve([update]))
        elif album in self._albums:
            self._albums[album].append(update)
        else:
            self._albums[album] = [update]
            self._begin(self._serve_album(album))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_album(self, album: str) -> None:
        count = 0
        while len(self._albums[album]) > count:
            count = len(self._albums[album])
            await self._sleep(_ALBUM_QUIET)
        updates = self._albums.pop(album)
        await self._serve(sorted(updates, key=lambda update: update.update_id))

    async def _serve(self, updates: Sequence[Update]) -> None:
        """Serve one update, or those of one album; whatever happens, the others are served."""
        try:
            async with self._in_line(updates[0]):
                await self._answer(updates)
        except (DeliveryFailed, Gone, Unsuitable, TelegramError) as fault:
            _log.info("an answer did not reach its chat: %s", fault)
            if (query := updates[0].callback_query) is not None:
                await self._reply(query)
        except Exception as error:  # noqa: BLE001 - the top of a platform: one update's fault stops no other
            _log.error("update %s failed", updates[0].update_id, exc_info=error)
        for update in updates:
            with suppress(StorageFailed):
                await self._close(update)
                await self._inbox.done(update)

    async def _close(self, update: Update) -> None:
        """End the message that an earlier process opened for an update, where this one did not go on with it."""
        if self._inbox.again(update) and update.update_id not in self._responder.reached:
            await self._responder.end_unkept(update.update_id)
        self._responder.reached.discard(update.update_id)

    @asynccontextmanager
    async def _in_line(self, update: Update) -> AsyncIterator[None]:
        """Wait for what the same person has sent to the same chat before; a run's buttons wait for nothing."""
        query = update.callback_query
        if query is not None and CallbackData.read(query.data or "") is not None:
            yield
            return
        chat, user = update.effective_chat, update.effective_user
        key = (chat.id if chat else 0, user.id if user else 0)
        line = self._lines.setdefault(key, _Line())
        line.count += 1
        try:
            async with line.lock:
                yield
        finally:
            line.count -= 1
            if not line.count:
                del self._lines[key]

    async def _answer(self, updates: Sequence[Update]) -> None:
        first = updates[0]
        if first.callback_query is not None:
            await self._press(first, first.callback_query)
        elif first.my_chat_member is not None:
            await self._moved(first.my_chat_member)
        elif messages := [message for each in updates if (message := said(each)) is not None]:
            await self._hear(first, messages)

    async def _hear(self, update: Update, messages: Sequence[Message]) -> None:
        message = messages[0]
        if message.migrate_from_chat_id is not None:
            await self._migrate(message.migrate_from_chat_id, message.chat.id)
            return
        if message.from_user is not None and message.from_user.is_bot and message.sender_chat is None:
            return
        command = Command.read(words_of(messages))
        if (
            command is not None
            and command.bot
            and command.bot.casefold() != (self._responder.me.username or "").casefold()
        ):
            return
        caller = self._caller(asker(message), message, update)
        if not (self._services.moderation.is_operator(caller.person) or await self._admits(message)):
            if caller.is_private or (command is not None and (command.bot or self._means_us(command))):
                await self._turn_away(caller, message)
            return
        try:
            await self._hear_person(await self._with_rights(caller, message), command, messages)
        except UserError as fault:
            await self._responder.say(caller, captions.plain(str(fault)))
        except StorageFailed as fault:
            _log.warning("a request was not kept: %s", fault)
            await self._responder.say(caller, captions.plain(str(fault)))

    async def _turn_away(self, caller: Caller, message: Message) -> None:
        """Say whom to ask, and remember who it was for when those are asked."""
        access = self._responder.access
        if caller.is_private and message.from_user is not None:
            await access.turned_away(message.from_user)
        words = refusal(
            message, caller.person, self._services.moderation.operators, or_moderators=access.may_serve_groups
        )
        await self._responder.say(caller, words)

    async def _hear_person(self, caller: Caller, command: Command | None, messages: Sequence[Message]) -> None:
        if command is not None:
            await self._command(caller, command, messages)
            return
        draft = await self._asking.current(caller)
        answered = messages[0].reply_to_message
        if draft is not None and (caller.is_private or (answered is not None and answered.message_id == draft.message)):
            await self._asking.hear(caller, draft, messages)
        elif caller.is_private:
            await self._requests.offer(caller, messages)

    async def _command(self, caller: Caller, command: Command, messages: Sequence[Message]) -> None:
        workflow = self._requests.workflow(command.name)
        if command.name == MODERATE:
            await self._moderating.answer(caller, command.rest, messages)
        elif command.name == PRESET:
            await self._presets.answer(caller, command.rest, messages)
        elif command.name == SETTINGS:
            await self._settings.answer(caller, messages)
        elif self._commands.knows(command.name):
            await self._commands.answer(caller, command.name, command.rest)
        elif workflow is not None:
            await self._requests.ask(caller, workflow, command.rest, messages)
        elif caller.is_private or command.bot:
            await self._requests.unknown(caller, command.name)
        if not caller.is_private:
            await self._menu.publish_in(caller.chat.id, caller.place)

    async def _press(self, update: Update, query: CallbackQuery) -> None:
        message, data = query.message, query.data or ""
        if not isinstance(message, Message):
            await self._reply(query, _("This message is too old for its buttons. /mine has your results."))
            return
        caller = self._caller(presser(query), message, update)
        click, press = Click.read(data), CallbackData.read(data)
        if press is None and PromptStep.read(data) is None and await self._is_of_run(caller):
            await self._reply(query, _("This button is of another message."))
            return
        if click is not None:
            await self._press_panel(caller, query, click)
            return
        if (answer := SavedAnswer.read(data)) is not None:
            await self._answer_question(caller, query, answer)
            return
        if not (
            self._services.moderation.is_operator(caller.person)
            or await self._responder.access.admits(message.chat, query.from_user)
        ):
            await self._reply(query, _("I do not serve you here yet: ask the operator of this bot."))
            return
        writes = await self._responder.access.may_write(message.chat, query.from_user.id)
        caller = replace(await self._as_member(caller, query.from_user.id), writes=writes)
        try:
            if press is not None:
                await self._press_run(caller, query, press)
            elif (step := PromptStep.read(data)) is not None:
                await self._press_draft(caller, query, step)
            elif data.startswith(PICK):
                await self._settings.check(caller, data)
                await self._reply(query)
                await self._settings.press(caller, data)
            elif (number := await self._presets.check(caller, data)) is not None:
                await self._presets.press(caller, number)
                await self._reply(query)
            else:
                await self._commands.check(caller, data)
                await self._reply(query)
                await self._commands.press(caller, data, message.message_id)
        except (UserError, StorageFailed) as fault:
            await self._reply(query, str(fault))
            _log.info("a button was refused: %s", fault)

    async def _answer_question(self, caller: Caller, query: CallbackQuery, answer: SavedAnswer) -> None:
        """An operator's yes or no to a saved workflow."""
        saved = self._services.moderation.saved
        try:
            said = await saved.answer(caller.person, caller.place, answer.key, answer.newest, yes=answer.yes)
        except (UserError, StorageFailed) as fault:
            await self._reply(query, str(fault))
            return
        await self._reply(query)
        await self._responder.edit(caller.chat, caller.message or 0, captions.plain(said))

    async def _is_of_run(self, caller: Caller) -> bool:
        """Check that a button's message belongs to a run, as only runs write those: a button's data may be forged."""
        return (await self._responder.run_at(caller.chat, caller.message))[0] is not None

    async def _press_run(self, caller: Caller, query: CallbackQuery, press: CallbackData) -> None:
        run = await self._buttons.check(caller, press, await self._buttons.run(caller, press))
        if press.act is CallbackAction.REPORT:
            await self._reply(query, await self._buttons.report(caller, run))
            return
        if press.act is CallbackAction.MASK:
            await self._reply(query, await self._buttons.hand_out_link(caller, run))
            return
        await self._reply(query)
        try:
            await self._buttons.press(caller, press, run)
        except UserError as fault:
            await self._responder.say(caller, captions.plain(str(fault)))

    async def _press_draft(self, caller: Caller, query: CallbackQuery, step: PromptStep) -> None:
        draft = await self._asking.current(caller)
        if draft is None or draft.id != step.draft:
            if owner := await self._asking.owner(step.draft):
                await self._responder.check_press(caller, Button.FORM, owner)
            raise UserError(_("This form has expired. Please start again."))
        await self._responder.check_press(caller, Button.FORM, caller.person.key)
        await self._reply(query)
        try:
            await self._asking.press(caller, draft, step)
        except UserError as fault:
            await self._responder.say(caller, captions.plain(str(fault)))

    async def _press_panel(self, caller: Caller, query: CallbackQuery, click: Click) -> None:
        """The core decides who may press it, in the group that it is about."""
        try:
            words = await self._moderating.press(caller, query, click)
        except (UserError, StorageFailed) as fault:
            await self._reply(query, str(fault))
            return
        await self._reply(query, words)
        group = Chat.read(click.spot).id
        await self._menu.publish_in(group, Place(NAME, str(group), community=str(group)))

    async def _moved(self, change: ChatMemberUpdated) -> None:
        """Cancel a chat's runs after the bot was blocked or removed there, as no one would see their results. Once it
        is back, its messages there say how they ended.
        """
        if change.new_chat_member.status not in (ChatMember.BANNED, ChatMember.LEFT):
            await self._untold.back_in(change.chat.id)
            await self._responder.end_unkept_in(change.chat.id)
            return
        place = whole_group(change.chat)
        group = bool(place.community)
        records = self._services.runs
        shown = records.unfinished_in(place.key, _MOST) if group else records.unfinished_shown_in(NAME, place.id)
        for run in await shown:
            await self._services.runs.cancel(run.id, run.person)
        if group:
            await self._services.moderation.left(place.key)

    async def _migrate(self, old: int, new: int) -> None:
        """A group has another id now; what was decided for it still holds."""
        await self._responder.notes.put(storage_keys.migrated(new), old)
        await self._services.moderation.moved(f"{NAME}:{old}", f"{NAME}:{new}")

    def _caller(self, person: Person, message: Message, update: Update) -> Caller:
        again, after, where = self._inbox.again(update), self._inbox.after(update), chat_of(message)
        return Caller(person, place_of(message), where, update.update_id, message.message_id, again, after)

    async def _admits(self, message: Message) -> bool:
        return await self._responder.access.admits(message.chat, message.from_user)

    async def _with_rights(self, caller: Caller, message: Message) -> Caller:
        if caller.is_private or message.from_user is None or speaks_for_chat(message):
            return replace(caller, person=replace(caller.person, moderator=speaks_for_chat(message)))
        return await self._as_member(caller, message.from_user.id)

    async def _as_member(self, caller: Caller, user: int) -> Caller:
        if caller.is_private:
            return caller
        rights = await self._responder.access.rights(caller.chat.id, user)
        return replace(caller, person=replace(caller.person, moderator=rights.moderator, owner=rights.owner))

    def _means_us(self, command: Command) -> bool:
        ours = command.name == MODERATE or self._commands.knows(command.name)
        return ours or self._requests.workflow(command.name) is not None

    async def _reply(self, query: CallbackQuery, text: str = "") -> None:
        """Answer a press at once, or its button seems to hang; one that is too old needs no answer."""
        with suppress(TelegramError):
            await query.answer(captions.cut(text, 200) or None, show_alert=bool(text))


def _migrates(update: Update) -> bool:
    message = said(update)
    return message is not None and message.migrate_from_chat_id is not None
