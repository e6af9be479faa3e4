"""Asking Telegram for updates, without end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from telegram import Bot
from telegram.error import Conflict, NetworkError, RetryAfter, TimedOut

from bot.core.platform import Pauses, TaskHealth
from bot.platforms.telegram.api.update_queue import UpdateQueue
from bot.platforms.telegram.chats import NAME

_log = logging.getLogger(__name__)
_PATIENCE = 50  # seconds that Telegram may think about it; it takes no longer
_AT_ONCE = 1.0  # seconds; Telegram takes longer to say that there is nothing, but some servers in front of it do not
_PAUSES = Pauses(1.0, 30.0)  # before Telegram is asked again
WANTED = ("message", "channel_post", "callback_query", "my_chat_member")


async def poll(
    bot: Bot,
    inbox: UpdateQueue,
    tasks: TaskHealth,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Put updates into the inbox until cancelled. Raises `InvalidToken` where the token is taken back."""
    await bot.delete_webhook()
    offset, pauses = None, iter(_PAUSES)
    while True:
        asked, known = clock(), offset
        try:
            updates = await bot.get_updates(offset=offset, timeout=_PATIENCE, allowed_updates=WANTED)
        except TimedOut:
            continue
        except (Conflict, RetryAfter, NetworkError) as fault:
            tasks.disconnected(NAME)
            _log.warning("%s", _explained(fault))
            await sleep(next(pauses))
            continue
        tasks.connected(NAME)
        pauses = iter(_PAUSES)
        for update in updates:
            await inbox.put(update)
            offset = update.update_id + 1
        if offset == known and clock() - asked < _AT_ONCE:
            await sleep(_AT_ONCE)


def _explained(fault: Exception) -> str:
    if not isinstance(fault, Conflict):
        return f"Telegram cannot be reached: {fault}"
    return f"Another program uses this token, and Telegram serves one: stop it, or get a token of your own. ({fault})"
