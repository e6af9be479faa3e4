"""The list of commands that Telegram shows: set only where it has changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    BotCommandScopeDefault,
)
from telegram.error import TelegramError

from bot.core.model import Person, Place
from bot.core.platform import Workflow
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.caller import Responder
from bot.platforms.telegram.chats import NAME, command_of
from bot.platforms.telegram.runs import captions

_log = logging.getLogger(__name__)
MODERATE = "moderate"
_MOST, _LONGEST = 100, 256  # commands, and characters of a description


class BotCommands:
    """Each workflow is a command where it is allowed; in a chat with a list of its own, that one goes before."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._notes = responder, responder.notes

    async def publish(self) -> None:
        """Set the lists that hold wherever a chat has none of its own."""
        workflows = list(self._responder.services.workflows.catalog.workflows.values())
        for scope in (BotCommandScopeDefault(), BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()):
            await self._set(scope, str(scope.type), workflows)
        await self._set(BotCommandScopeAllChatAdministrators(), "administrators", workflows, moderator=True)

    async def publish_in(self, chat: int, place: Place) -> None:
        """Give a chat a list of its own where it may run other workflows than those of the common list."""
        offered = [offer.workflow for offer in await self._responder.services.workflows.offers(Person(NAME, ""), place)]
        name = f"chat {chat}"
        usual = {each.name for each in offered} == set(self._responder.services.workflows.catalog.workflows)
        if usual and await self._notes.get(storage_keys.commands(name)) is None:
            return
        await self._set(BotCommandScopeChat(chat), name, offered)
        await self._set(BotCommandScopeChatAdministrators(chat), f"administrators of {name}", offered, moderator=True)

    async def _set(
        self, scope: BotCommandScope, name: str, workflows: Sequence[Workflow], *, moderator: bool = False
    ) -> None:
        commands = _commands(workflows, moderator=moderator)
        digest = hashlib.sha256(json.dumps(commands).encode()).hexdigest()
        if await self._notes.get(storage_keys.commands(name)) == digest:
            return
        try:
            await self._responder.api.bot.set_my_commands([BotCommand(*each) for each in commands], scope=scope)
        except TelegramError as fault:
            _log.warning("Telegram does not take the commands for %s: %s", name, fault)
            return
        await self._notes.put(storage_keys.commands(name), digest)


def _commands(workflows: Sequence[Workflow], *, moderator: bool) -> list[tuple[str, str]]:
    own = [
        *([(MODERATE, _("Decide what may be run here"))] if moderator else []),
        ("workflows", _("What there is to run")),
        ("queue", _("What runs and waits")),
        ("mine", _("Your latest runs")),
        ("cancel", _("End a form, or your latest run")),
        ("help", _("How to ask for things")),
        ("about", _("What this is, and your data")),
    ]
    taken = {name for name, _text in own} | {"start", MODERATE}
    named = [(command_of(each.name), each.description or each.title or each.name) for each in workflows]
    fitting = [(name, captions.cut(text, _LONGEST)) for name, text in named if name not in taken]
    return [*fitting[: _MOST - len(own)], *own]
