"""Replies: the message of a run, rebuilt from its record, and statuses that a chat may refuse without harm."""

from __future__ import annotations

from bot.core import events_log
from bot.core.errors import DeliveryFailed, NotNow
from bot.core.model import Status
from bot.core.port import Reply


async def show_status(reply: Reply, status: Status) -> bool:
    """Show a status; one that cannot be shown is for the log. False where there was only no room for it just now."""
    try:
        await reply.show(status)
    except NotNow:
        return False
    except DeliveryFailed as fault:
        events_log.chat_refused(type(status).__name__, str(fault))
    return True
