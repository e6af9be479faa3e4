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
from bot.platforms.telegram.chats import NAME
from bot.platforms.telegram.own.linking import LINK, UNLINK
from bot.platforms.telegram.own.settings import SETTINGS
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.presets import PRESET

_log = logging.getLogger(__name__)
MODERATE = "moderate"
_MOST, _LONGEST = 100, 256  # commands, and characters of a description


class BotCommands:
    """Each workflow is a command where it is allowed; in a chat with a list of its own, that one goes before."""

    def __init__(self, responder: Responder) -> None:
        self._responder, self._notes = responder, responder.notes

    async def publish(self) -> bool:
        """Set the lists that hold wherever a chat has none of its own. Returns False if Telegram did not take one."""
        workflows = await self._runnable(Place(NAME, ""))
        scopes = (BotCommandScopeDefault(), BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats())
        taken = [await self._set(scope, str(scope.type), workflows) for scope in scopes]
        taken.append(
            await self._set(BotCommandScopeAllChatAdministrators(), "administrators", workflows, moderator=True)
        )
        return all(taken)

    async def publish_in(self, chat: int, place: Place) -> None:
        """Give a chat a list of its own where it may run other workflows than those of the common list."""
        offered, name = await self._runnable(place), f"chat {chat}"
        usual = {each.name for each in offered} == {each.name for each in await self._runnable(Place(NAME, ""))}
        if usual and await self._notes.get(storage_keys.commands(name)) is None:
            return
        await self._set(BotCommandScopeChat(chat), name, offered)
        await self._set(BotCommandScopeChatAdministrators(chat), f"administrators of {name}", offered, moderator=True)

    async def _runnable(self, place: Place) -> list[Workflow]:
        """The workflows that people may run in a place, and that a server can run."""
        offers = await self._responder.services.workflows.offers(Person(NAME, ""), place)
        return [offer.workflow for offer in offers if offer.lacks is None]

    async def _set(
        self, scope: BotCommandScope, name: str, workflows: Sequence[Workflow], *, moderator: bool = False
    ) -> bool:
        commands = _commands(workflows, moderator=moderator)
        digest = hashlib.sha256(json.dumps(commands).encode()).hexdigest()
        if await self._notes.get(storage_keys.commands(name)) == digest:
            return True
        try:
            await self._responder.api.bot.set_my_commands([BotCommand(*each) for each in commands], scope=scope)
        except TelegramError as fault:
            _log.warning("Telegram does not take the commands for %s, and is asked again later: %s", name, fault)
            return False
        await self._notes.put(storage_keys.commands(name), digest)
        return True


def _commands(workflows: Sequence[Workflow], *, moderator: bool) -> list[tuple[str, str]]:
    own = [
        *([(MODERATE, _("Decide what may be run here"))] if moderator else []),
        ("workflows", _("List the workflows")),
        ("queue", _("Show what runs and waits")),
        ("limits", _("Show what you may still do, and when more")),
        ("mine", _("Show your latest runs")),
        (PRESET, _("Keep values under a name, and use them again")),
        ("notify", _("Choose when I tell you that a request has ended")),
        (LINK, _("Join your accounts here and on other platforms")),
        (UNLINK, _("Part this account from your others")),
        (SETTINGS, _("Read the settings of a picture, and use them")),
        ("cancel", _("End a form, or your latest run")),
        ("help", _("How to use this bot")),
        ("about", _("About this bot, and your data")),
    ]
    taken = {name for name, _text in own} | {"start", MODERATE}
    named = [(each.name, each.description or each.title or each.name) for each in workflows]
    fitting = [(name, captions.cut(text, _LONGEST)) for name, text in named if name not in taken]
    return [*fitting[: _MOST - len(own)], *own]
