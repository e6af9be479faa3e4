"""No workflow takes the name of a command that every chat has."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from discord import app_commands

from bot.core.workflows.identity.slugs import RESERVED
from bot.platforms.discord.commands.tree import everywhere
from bot.platforms.telegram.runs.bot_commands import _commands
from bot.platforms.telegram.runs.commands import BasicCommands


def test_the_commands_of_discord_are_reserved() -> None:
    commands = everywhere(cast(Any, None))
    names = {each.name for each in commands if isinstance(each, app_commands.Command)}
    assert {"run", "workflows"} <= names <= RESERVED


def test_the_commands_of_telegram_are_reserved() -> None:
    menu = {name for name, _text in _commands([], moderator=True)}
    assert {"moderate", "workflows"} <= menu <= RESERVED
    answers = BasicCommands(cast(Any, SimpleNamespace(services=SimpleNamespace(links=None))), cast(Any, None))
    assert menu - {"moderate", "preset", "settings"} <= {name for name in RESERVED if answers.knows(name)}
