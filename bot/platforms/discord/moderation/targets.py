"""The target of a decision, by the options of a command."""

from __future__ import annotations

from typing import TypeAlias, Union

import discord
from discord import app_commands

from bot.core.platform import EVERYONE, RuleTarget, Subject
from bot.platforms.discord.runs.request import person_of, place_named

Channel: TypeAlias = Union[app_commands.AppCommandChannel, app_commands.AppCommandThread]  # noqa: UP007 - read at run time


def aim_of(
    workflow: str | None,
    channel: Channel | None,
    role: discord.Role | None = None,
    member: discord.Member | None = None,
) -> RuleTarget:
    """For whom and what a decision is, by the options of a command."""
    who = EVERYONE
    if role is not None and not role.is_default():
        who = Subject.role(str(role.id), role.name)
    if member is not None:
        who = Subject.person(person_of(member))
    place = place_named(channel.id, channel.name, channel.guild_id) if channel is not None else None
    return RuleTarget(place, who, workflow or "")
