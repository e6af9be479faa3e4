"""The page as a platform: the bot's main job in a browser."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType

from bot.core.model import Address, RunSummary
from bot.core.platform import BackgroundTask, Health, KeyValueStore, Services
from bot.core.port import Reply
from bot.platforms.web.config import PageConfig
from bot.platforms.web.live.cross_process import CrossProcessRelay
from bot.platforms.web.live.hub import Hub
from bot.platforms.web.live.reply import FarReply, WebReply
from bot.platforms.web.server import serving, try_to_listen
from bot.settings import Settings

_log = logging.getLogger(__name__)
_TIDY_EVERY = 60.0  # seconds
_LISTEN_EVERY = 1.0


async def examine(settings: Settings, *, listens: bool) -> None:
    """Raise `ConfigError` if the page cannot be served; `listens` says whether it also has to get its port."""
    options = PageConfig.of(settings)
    if listens:
        await try_to_listen(options)


class WebPlatform:
    """A process that only works with servers never listens: what it says reaches the page over the database."""

    name = "web"

    def __init__(
        self, options: PageConfig, opened: Callable[[str], None] | None = None, shared: KeyValueStore | None = None
    ) -> None:
        """`opened` is told the address as soon as the page can be opened; `shared` is the store of all processes,
        where there are several.
        """
        self._options, self._opened, self._shared = options, opened or _note, shared
        self._hub = Hub()
        self._wire = CrossProcessRelay(shared) if shared is not None else None
        self._stack = AsyncExitStack()
        self._listens = False

    async def __aenter__(self) -> WebPlatform:
        if self._shared is not None:
            await self._stack.enter_async_context(self._shared)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def serve(self, services: Services) -> None:
        """Serve the page until cancelled. Raises `ConfigError` where it cannot listen."""
        services.invitations.when_signed_out(lambda account: self._hub.hang_up_on(account.removeprefix("web:")))
        services.runs.when_written(self.name, self._hub)
        async with serving(services, self._hub, self._options) as address:
            with services.workflows.telling(self._hub.look_again):
                await self._run(services, address)

    async def _run(self, services: Services, address: str) -> None:
        self._listens = True
        tasks = services.health.tasks
        tasks.connected(self.name)
        tidying, hearing = BackgroundTask("web cleanup", tasks), BackgroundTask("web relay", tasks)
        tidying.repeat(partial(self._tidy, services), _TIDY_EVERY)
        if self._wire is not None:
            others = partial(self._until_others, services)
            hearing.repeat(partial(self._hear, services.health, self._wire), _LISTEN_EVERY, until=others)
        self._opened(address)
        try:
            await asyncio.Event().wait()
        finally:
            self._listens = False
            await tidying.stop()
            await hearing.stop()

    def reply(self, address: Address, brief: RunSummary) -> Reply:
        return self.watch(address.chat, brief)

    def watch(self, person: str, brief: RunSummary) -> Reply:
        if self._listens or self._wire is None:
            return WebReply(self._hub, person, brief)
        return FarReply(self._wire, person, brief)

    async def _hear(self, health: Health, wire: CrossProcessRelay) -> None:
        """Pass on what other processes say of runs, to pages that are open."""
        if self._hub.has_pages and health.has_others():
            await wire.hear(self._hub)

    async def _until_others(self, services: Services) -> None:
        """Wait while no other process works with servers: none has anything to say."""
        changes = asyncio.Event()
        with services.workflows.telling(changes.set):
            if not services.health.has_others():
                await changes.wait()

    async def _tidy(self, services: Services) -> None:
        self._hub.tidy()
        await services.invitations.tidy()
        if self._wire is not None:
            await self._wire.tidy()


def _note(address: str) -> None:
    _log.info("the page is at %s", address)
