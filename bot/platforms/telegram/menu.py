"""The list of commands that Telegram shows: set only where it has changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.error import TelegramError

from bot.core.workflow import Workflow
from bot.platforms.telegram import captions, remembered
from bot.platforms.telegram.counter import Counter, Guest, command_of
from bot.words import _

_log = logging.getLogger(__name__)
_MOST, _LONGEST = 100, 256  # commands, and characters of a description


class Menu:
    """Each workflow is a command where it is allowed; in a chat with a list of its own, that one goes before."""

    def __init__(self, counter: Counter) -> None:
        self._counter, self._notes = counter, counter.notes

    async def publish(self) -> None:
        """Set the lists that hold wherever a chat has none of its own."""
        workflows = list(self._counter.desk.catalog.workflows.values())
        for scope in (BotCommandScopeDefault(), BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()):
            await self._set(scope, str(scope.type), workflows)

    async def publish_in(self, guest: Guest) -> None:
        """Give a chat a list of its own where it may run other workflows than those of the common list."""
        offers = await self._counter.desk.offers(guest.person, guest.place)
        offered = [offer.workflow for offer in offers]
        name = f"chat {guest.chat.id}"
        usual = {each.name for each in offered} == set(self._counter.desk.catalog.workflows)
        if usual and await self._notes.get(remembered.commands(name)) is None:
            return
        await self._set(BotCommandScopeChat(guest.chat.id), name, offered)

    async def _set(self, scope: BotCommandScope, name: str, workflows: Sequence[Workflow]) -> None:
        commands = _commands(workflows)
        digest = hashlib.sha256(json.dumps(commands).encode()).hexdigest()
        if await self._notes.get(remembered.commands(name)) == digest:
            return
        try:
            await self._counter.wire.bot.set_my_commands([BotCommand(*each) for each in commands], scope=scope)
        except TelegramError as fault:
            _log.warning("Telegram does not take the commands for %s: %s", name, fault)
            return
        await self._notes.put(remembered.commands(name), digest)


def _commands(workflows: Sequence[Workflow]) -> list[tuple[str, str]]:
    own = [
        ("workflows", _("What there is to run")),
        ("queue", _("What runs and waits")),
        ("mine", _("Your latest runs")),
        ("cancel", _("End a form, or your latest run")),
        ("help", _("How to ask for things")),
        ("about", _("What this is, and your data")),
    ]
    taken = {name for name, _text in own} | {"start"}
    named = [(command_of(each.name), each.description or each.title or each.name) for each in workflows]
    fitting = [(name, captions.cut(text, _LONGEST)) for name, text in named if name not in taken]
    return [*fitting[: _MOST - len(own)], *own]
