"""`/moderate` on Telegram: a panel with buttons, and words for what has no button. The core decides who may do what."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO

from telegram import CallbackQuery, InlineKeyboardMarkup, Message
from telegram.error import TelegramError

from bot.core.errors import DeliveryFailed, UserError
from bot.core.model import DisplayOptions, Person, Place
from bot.core.platform import ADMINISTRATORS, EVERYONE, RuleTarget
from bot.i18n import _
from bot.platforms.telegram.caller import Caller, Responder
from bot.platforms.telegram.chats import NAME, Chat, address_of, asker, link
from bot.platforms.telegram.moderation import panel
from bot.platforms.telegram.moderation.panel import Click
from bot.platforms.telegram.moderation.parser import (
    NONE,
    ModerateArguments,
    model_names_of,
    named_text_of,
    narrowing_of,
    seconds_of,
    style_of,
    usage,
    word_list_of,
    workflow_named,
)
from bot.platforms.telegram.moderation.workflows import LARGEST, contribute
from bot.platforms.telegram.runs import captions

_LARGEST = 1_000_000  # bytes of an import


class ModerateCommand:
    """Draws the core's moderation. Rights are asked of Telegram for the group that is meant, also in private."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._services = responder, responder.services
        self._core = responder.services.moderation

    async def answer(self, caller: Caller, rest: str, messages: Sequence[Message]) -> None:
        """Do what was typed behind the command; alone, show the panel. Raises `UserError`."""
        if not caller.place.community:
            raise UserError(_("Write /moderate in the group that you moderate; a button there brings it here."))
        if not rest.strip():
            await self._responder.say(caller, *await self._panel(caller, caller.person, _whole(caller.place)))
            return
        order = self._read(caller, rest, messages[0].reply_to_message)
        if order.act in ("log", "export", "stats"):
            await self._send_file(caller, order)
        elif order.act == "held":
            await self._list_held(caller, order)
        else:
            await self._responder.say(caller, captions.plain(await self._do(caller, order, messages)))

    async def press(self, caller: Caller, query: CallbackQuery, click: Click) -> str:
        """Do what a button of the panel says; a sentence for the one who pressed."""
        spot = Chat.read(click.spot)
        group = spot.id
        rights = await self._responder.access.rights(group, query.from_user.id)
        by = replace(caller.person, moderator=rights.moderator, owner=rights.owner)
        name = caller.place.name if caller.chat.id == group else ""
        here = whole = Place(NAME, str(group), name, str(group))
        if spot.topic is not None:
            here = Place(NAME, str(spot), _topic(spot, name), str(group), (str(group),))
        if click.act == "private":
            return await self._bring(query, by, here)
        if click.act in panel.OF_RUNS:
            return await self._review(caller, by, whole, click)
        words = await self._click(by, whole, RuleTarget(None if spot.topic is None else here), click)
        html, keyboard = await self._panel(caller, by, here, click.page)
        await self._responder.edit(caller.chat, caller.message or 0, html, keyboard)
        return words

    async def _panel(self, caller: Caller, by: Person, here: Place, page: int = 0) -> tuple[str, InlineKeyboardMarkup]:
        """The panel of a group or a topic; where it stands in a topic it can be turned from one to the other."""
        spot = Chat.read(here.id)
        other = Chat(spot.id) if spot.topic is not None else caller.chat
        overview = await self._core.overview(by, here)
        return panel.draw(overview, spot, page, other=other if other != spot and other.id == spot.id else None)

    async def _click(self, by: Person, here: Place, aim: RuleTarget, click: Click) -> str:
        match click.act:
            case "allow":
                return await self._core.allow(by, here, replace(aim, workflow=click.text))
            case "deny":
                return await self._core.deny(by, here, replace(aim, workflow=click.text))
            case "day":
                return await self._core.limit(by, here, "day", int(click.text) if click.text else None, aim)
            case "review":
                return await self._core.review(by, here, click.text == "on", aim=aim)
            case "previews":
                return await self._core.where(by, here, DisplayOptions(previews=click.text == "on"), aim)
            case "spoilers":
                return await self._core.where(by, here, DisplayOptions(spoilers=click.text == "on"), aim)
            case "alone":
                return await self._core.where(by, here, DisplayOptions(private=click.text == "on"), aim)
            case "undo":
                return await self._core.undo(by, here)
        return ""

    async def _bring(self, query: CallbackQuery, by: Person, here: Place) -> str:
        """The panel in a chat with the moderator alone."""
        html, keyboard = panel.draw(await self._core.overview(by, here), Chat.read(here.id))
        try:
            await self._responder.api.send(Chat(query.from_user.id), html, keyboard)
        except DeliveryFailed:
            return _("I may not write to you first: send me /start in private, and press again.")
        return _("You have it in private.")

    async def _review(self, caller: Caller, by: Person, here: Place, click: Click) -> str:
        reviews, reports = self._core.reviews, self._core.reports
        match click.act:
            case "approve":
                done, words = await reviews.approve(by, here, click.text), _("Approved by {name}.")
            case "refuse":
                done, words = await reviews.refuse(by, here, click.text), _("Refused by {name}.")
            case "take away":
                done, words = await reports.take_away(by, here, click.text), _("Taken away by {name}.")
            case _:
                done, words = await reports.leave(by, here, click.text), _("Left by {name}.")
        words = words.format(name=by.name or by.id) if done else _("Another moderator has already decided this.")
        await self._responder.edit(caller.chat, caller.message or 0, captions.plain(words))
        return ""

    async def _do(self, caller: Caller, order: ModerateArguments, messages: Sequence[Message]) -> str:
        """The acts that are answered with a sentence."""
        core, by, here, aim = self._core, order.by, order.here, order.aim
        match order.act:
            case "allow":
                return await core.allow(by, here, self._of_workflow(order))
            case "deny":
                return await core.deny(by, here, self._of_workflow(order))
            case "clear":
                return await core.clear(by, here, self._of_workflow(order))
            case "limit" if order.words:
                return await self._limit(order)
            case "spending" if order.words:
                return await core.spending(by, here, _count(order.first))
            case "price" if len(order.words) == 2:
                return await core.price(by, here, workflow_named(order.words[0]), _count(order.words[1]))
            case "field" if len(order.words) >= 3:
                to = narrowing_of(order.words[2:])
                return await core.field(
                    by, here, order.words[1], to, replace(aim, workflow=workflow_named(order.words[0]))
                )
            case "words" if order.words:
                return await core.words(by, here, order.words[0], word_list_of(order.words[1:]), aim)
            case "list" if len(order.said.split()) > 1:
                name, text, target = named_text_of(order)
                return await core.list_(by, here, name, text, target)
            case "style" if len(order.said.split()) > 1:
                name, text, target = named_text_of(order)
                return await core.style(by, here, name, style_of(text), target)
            case "models" if len(order.words) > 1:
                return await core.models(by, here, order.first, model_names_of(order.words[1:]), aim)
            case "review" if order.first:
                on = {"on": True, "off": False}.get(order.first)
                return await core.review(by, here, on, await self._own_chat(order), aim)
            case "where" if order.first in ("asked", "topic"):
                return await core.where(
                    by, here, DisplayOptions("here" if order.first == "asked" else str(caller.chat)), aim
                )
            case "previews" if order.first:
                return await core.where(by, here, DisplayOptions(previews=order.first == "on"), aim)
            case "spoilers" if order.first:
                return await core.where(by, here, DisplayOptions(spoilers=order.first == "on"), aim)
            case "private" if order.first:
                return await core.where(by, here, DisplayOptions(private=order.first == "on"), aim)
            case "told" if order.first:
                return await core.where(by, here, DisplayOptions(), aim, order.first)
            case "block":
                return await self._block(caller, order)
            case "unblock":
                return await core.unblock(by, here, (await self._meant(caller, order))[0], aim)
            case "admit" | "dismiss":
                return await self._admission(caller, order)
            case "why":
                person, words = await self._meant(caller, order)
                return await core.why(by, here, person, workflow_named(words[0]) if words else "", caller.place)
            case "undo":
                return await core.undo(by, here)
            case "import":
                await core.check_moderator(by, here, "import")  # before anything is fetched
                return await core.import_(by, here, await self._text(messages, order))
            case "workflow":
                return await contribute(core, by, here, order.said, partial(self._workflow, messages, order))
        raise UserError(usage())

    def _read(self, caller: Caller, rest: str, about: Message | None) -> ModerateArguments:
        """Sort out “here” and “admins”, which any act may have."""
        words, said = rest.split(), rest.strip().partition(" ")[2]
        plain = [word for word in words[1:] if word.lower() not in ("here", "admins")]
        marks = {word.lower() for word in words[1:]} - set(plain)
        who = ADMINISTRATORS if "admins" in marks else EVERYONE
        place = replace(caller.place, name=_topic(caller.chat, caller.place.name))
        aim = RuleTarget(place=place if "here" in marks else None, who=who)
        return ModerateArguments(
            caller.person, _whole(caller.place), words[0].lower(), tuple(plain), aim, about, said, place
        )

    async def _own_chat(self, order: ModerateArguments) -> str:
        """The chat that is named, which has to be one of the moderator's own; empty where none is."""
        chat = order.words[1] if len(order.words) > 1 else ""
        if not chat:
            return ""
        if not chat.removeprefix("-").isdecimal():
            raise UserError(usage())
        await self._core.check_moderator(order.by, order.here, "review")
        if not (await self._responder.access.rights(int(chat), int(order.by.id))).moderator:
            words = _("I ask only in chats that you administer, and that I am in.")
            raise await self._core.refused(order.by, order.here, "review", words)
        return chat

    def _of_workflow(self, order: ModerateArguments) -> RuleTarget:
        return replace(order.aim, workflow=workflow_named(order.words[0])) if order.words else order.aim

    async def _limit(self, order: ModerateArguments) -> str:
        together = order.words[-1].lower() == "together"
        order = replace(order, words=order.words[:-1]) if together else order
        if len(order.words) < 2:
            raise UserError(usage())
        number = _count(order.words[1])
        aim = replace(order.aim, workflow=workflow_named(order.words[2])) if len(order.words) > 2 else order.aim
        return await self._core.limit(order.by, order.here, order.first, number, aim, together=together)

    async def _block(self, caller: Caller, order: ModerateArguments) -> str:
        person, words = await self._meant(caller, order)
        lasting = seconds_of(words[0]) if words else None
        reason = " ".join(words[1:] if lasting is not None else words)
        return await self._core.block(order.by, order.here, person, reason, lasting, order.aim)

    async def _admission(self, caller: Caller, order: ModerateArguments) -> str:
        """Let a person in, or withdraw that: only a group that the operator has let in can do so."""
        if not await self._responder.access.serves(caller.chat.id):
            words = _("Only a group that the operator of this bot has named can let people in.")
            raise await self._core.refused(order.by, order.here, order.act, words)
        person, _words = await self._meant(caller, order)
        act = self._core.admit if order.act == "admit" else self._core.dismiss
        return await act(order.by, order.here, person)

    async def _meant(self, caller: Caller, order: ModerateArguments) -> tuple[Person, tuple[str, ...]]:
        """Find the person to act on: by id or @name, or as the author of the message replied to, or of its run."""
        if order.first.startswith("@"):
            return await self._responder.access.named(order.first), order.words[1:]
        if order.words and order.words[0].lstrip("-").isdecimal():
            return Person(NAME, order.words[0]), order.words[1:]
        if order.about is None:
            raise UserError(_("Reply to a message of the person who is meant, or give their id."))
        run = await self._services.runs.at(address_of(caller.chat, order.about.message_id))
        return (run.person if run is not None else asker(order.about)), order.words

    async def _workflow(self, messages: Sequence[Message], order: ModerateArguments) -> bytes:
        await self._core.check_trusted(order.by, order.here, "workflow add")  # before anything is fetched
        return await self._file(messages, order, LARGEST)

    async def _text(self, messages: Sequence[Message], order: ModerateArguments) -> str:
        try:
            return (await self._file(messages, order, _LARGEST)).decode()
        except UnicodeDecodeError as fault:
            raise UserError(_("This file cannot be read.")) from fault

    async def _file(self, messages: Sequence[Message], order: ModerateArguments, most: int) -> bytes:
        """A file that came along, or that was replied to."""
        file = messages[0].document or (order.about.document if order.about is not None else None)
        if file is None or (file.file_size or 0) > most:
            raise UserError(_("Send the file with this as its caption, or reply to one; it must not be too large."))
        try:
            return bytes(await (await self._responder.api.bot.get_file(file.file_id)).download_as_bytearray())
        except TelegramError as fault:
            raise UserError(_("This file cannot be read.")) from fault

    async def _send_file(self, caller: Caller, order: ModerateArguments) -> None:
        if order.act == "log" and order.first != "file":
            entries = await self._core.log(order.by, order.here)
            lines = [f"{_when(each.at)} {each.person.name or each.person.id}: {each.words}" for each in entries]
            text = "\n".join([_("What was decided and refused"), *lines])
            await self._responder.say(caller, captions.lines(text, captions.TEXT))
            return
        if order.act == "stats":
            days = int(order.first[:3]) if order.first.isdecimal() else 30
            name, data = "stats.png", await self._core.stats(order.by, order.here, days, caller.place.name)
        elif order.act == "log":
            name, data = "log.jsonl", await self._core.log_file(order.by, order.here)
        else:
            name, data = "decisions.json", (await self._core.export(order.by, order.here)).encode()
        if not data:  # Telegram takes no empty file
            await self._responder.say(caller, captions.plain(_("Nothing has been decided here yet.")))
            return
        bot, topic = self._responder.api.bot, caller.chat.topic
        await self._responder.api.ask(
            caller.chat,
            lambda chat: bot.send_document(chat, BytesIO(data), filename=name, message_thread_id=topic),
        )

    async def _list_held(self, caller: Caller, order: ModerateArguments) -> None:
        runs = await self._core.reviews.held(order.by, order.here)
        reported = await self._core.reports.open(order.by, order.here)
        if not runs and not reported:
            await self._responder.say(caller, captions.plain(_("Nothing waits for a moderator.")))
        for run in runs[:10]:
            keyboard = panel.reviewing(run.id, order.here.id)
            await self._responder.say(caller, panel.request(self._services.runs.summary(run)), keyboard)
        for run, _count in reported[:10]:
            spot, below = Chat.read(run.address.chat), panel.deciding(run.id, order.here.id)
            text = panel.reported(self._services.runs.summary(run))
            await self._responder.say(caller, f"{text}\n{link(spot, int(run.address.message))}", below)


def _count(text: str) -> int | None:
    """Read a number; None for “none”. Raises `UserError`."""
    if text.lower() in NONE:
        return None
    if not text.isdecimal():
        raise UserError(usage())
    return int(text[:9])


def _whole(place: Place) -> Place:
    """The group that a topic lies in."""
    return replace(place, id=place.community, parents=())


def _topic(spot: Chat, group: str) -> str:
    """The name of a place: Telegram does not tell the names of topics."""
    return group if spot.topic is None else _("topic {number} of {group}").format(number=spot.topic, group=group)


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))
