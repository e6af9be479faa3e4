"""Asking Telegram for updates, without end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telegram import Bot
from telegram.error import Conflict, NetworkError, RetryAfter, TimedOut

from bot.core.platform import TaskHealth
from bot.platforms.telegram.api.update_queue import UpdateQueue
from bot.platforms.telegram.chats import NAME

_log = logging.getLogger(__name__)
_PATIENCE = 30  # seconds that Telegram may think about it
_LONGEST = 30.0  # seconds between two attempts
WANTED = ("message", "channel_post", "callback_query", "my_chat_member")


async def poll(
    bot: Bot, inbox: UpdateQueue, tasks: TaskHealth, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Put updates into the inbox until cancelled. Raises `InvalidToken` where the token is taken back."""
    await bot.delete_webhook()
    offset, pause = None, 1.0
    while True:
        try:
            updates = await bot.get_updates(offset=offset, timeout=_PATIENCE, allowed_updates=WANTED)
        except TimedOut:
            continue
        except (Conflict, RetryAfter, NetworkError) as fault:
            tasks.disconnected(NAME)
            _log.warning("%s", _explained(fault))
            await sleep(pause)
            pause = min(pause * 2, _LONGEST)
            continue
        tasks.connected(NAME)
        pause = 1.0
        for update in updates:
            await inbox.put(update)
            offset = update.update_id + 1


def _explained(fault: Exception) -> str:
    if not isinstance(fault, Conflict):
        return f"Telegram cannot be reached: {fault}"
    return f"Another program uses this token, and Telegram serves one: stop it, or get a token of your own. ({fault})"
