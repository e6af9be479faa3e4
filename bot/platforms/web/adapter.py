"""The page as a platform: the bot's main job in a browser."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

from bot.core.chat import Address, Brief, Reply
from bot.core.desk import Desk
from bot.platforms.web.hub import Hub
from bot.platforms.web.options import Options
from bot.platforms.web.reply import WebReply
from bot.platforms.web.server import listening

_log = logging.getLogger(__name__)
_TIDY_EVERY = 60.0  # seconds


class WebPlatform:
    """A process that only works with servers never listens: its replies speak to pages that it does not have."""

    name = "web"

    def __init__(self, options: Options, opened: Callable[[str], None] | None = None) -> None:
        """`opened` is told the address as soon as the page can be opened."""
        self._options, self._opened = options, opened or _note
        self._hub = Hub()

    async def __aenter__(self) -> WebPlatform:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    async def serve(self, desk: Desk) -> None:
        """Serve the page until cancelled. Raises `ConfigError` where it cannot listen."""
        async with listening(desk, self._hub, self._options) as address:
            self._opened(address)
            while True:
                await asyncio.sleep(_TIDY_EVERY)
                self._hub.tidy()

    def reply(self, address: Address, brief: Brief) -> Reply:
        return WebReply(self._hub, address.chat, brief)


def _note(address: str) -> None:
    _log.info("the page is at %s", address)
