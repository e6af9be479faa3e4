"""Rebuild the message of a run from its record, and show statuses that a chat may refuse."""

from __future__ import annotations

import logging

from bot.core.errors import DeliveryFailed, NotNow
from bot.core.model import Status
from bot.core.port import Reply

_log = logging.getLogger(__name__)


async def show_status(reply: Reply, status: Status) -> bool:
    """Show a status; log it if the chat refuses. False if the platform only has no room for it now."""
    try:
        await reply.show(status)
    except NotNow:
        return False
    except DeliveryFailed as fault:
        _log.info("reply: cannot show a status: %s", fault)
    return True
