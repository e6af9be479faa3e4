"""Presence: what is going on, in the line under the bot's name."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

import discord

from bot.core.platform import RunService, State, aligned
from bot.i18n import _

_log = logging.getLogger(__name__)
_EVERY = 6.0  # seconds: Discord takes five changes in twenty seconds


async def keep_presence(client: discord.Client, runs: RunService) -> None:
    """Say what is going on whenever that changes, until cancelled."""
    said, asked = "", runs.news_of_requests()
    while True:
        words = presence(await runs.counts())
        if words != said and not client.is_closed():
            await _say(client, words)
            said = words
        await asyncio.sleep(aligned(_EVERY, time.monotonic()))
        if not words:
            await asked.wait()


def presence(counts: Mapping[State, int]) -> str:
    """Such as "2 developing, 5 waiting"; empty where nothing is."""
    developing = counts.get(State.RUNNING, 0) + counts.get(State.DELIVERING, 0)
    waiting = counts.get(State.WAITING, 0)
    parts = [_("{count} developing").format(count=developing)] if developing else []
    if waiting:
        parts.append(_("{count} waiting").format(count=waiting))
    return ", ".join(parts)


async def _say(client: discord.Client, words: str) -> None:
    try:
        await client.change_presence(activity=discord.CustomActivity(words) if words else None)
    except (ConnectionError, discord.DiscordException) as fault:
        _log.info("the presence was not changed: %s", fault)
