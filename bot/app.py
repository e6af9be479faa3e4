"""Builds every part in order, and takes it down again: the only module that knows them all.

It imports a part where it builds it, so that a command waits for nothing that it does not use.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Settings
from bot.core.errors import ConfigError
from bot.servers import server_url
from bot.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.core.bench import Bench
    from bot.core.catalog import Catalog
    from bot.core.chat import Platform
    from bot.serve import Role
    from comfy.client import ComfyClient
    from comfy.server import Server


class App:
    """The parts of one process."""

    @cached_property
    def settings(self) -> Settings:
        """Raises `ConfigError`."""
        return Settings.read()

    @cached_property
    def catalog(self) -> Catalog:
        """The bundled workflows, and the operator's own."""
        from bot.core.catalog import Catalog

        return Catalog.read(*self._folders())

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses that the settings give."""
        return self.settings.urls

    def label(self, server: str | None) -> str:
        """Which server, or that it is the built-in engine, without any password. Raises `ConfigError`."""
        return "" if server is None else str(self._server(server))

    @asynccontextmanager
    async def open(self, server: str | None, pace: float = 0.0) -> AsyncIterator[Bench]:
        """The bench for a server, or for the built-in engine where there is none."""
        from bot.core.bench import Bench
        from bot.core.pictures import PictureLimits
        from comfy.server import Server

        settings = self.settings
        limits = PictureLimits(int(settings.max_upload_mb * 1e6), int(settings.max_megapixels * 1e6))
        async with AsyncExitStack() as stack:
            if server is None:
                from comfy.embedded import EmbeddedServer

                target = Server((await stack.enter_async_context(EmbeddedServer(pace=pace))).url)
            else:
                target = self._server(server)
            client = await stack.enter_async_context(_client(target))
            yield Bench(self.catalog, client, limits, keep_metadata=settings.keep_metadata)

    async def start(self, role: Role, announce: Callable[[str], None]) -> None:
        """Serve the platforms that are switched on, until a signal. Raises `ConfigError`."""
        from bot.core.shelf import Shelf
        from bot.serve import serve, until_signalled

        platforms = self.platforms()
        if not platforms:
            raise ConfigError(_("No platform is switched on: .env.example names the settings that do it."))

        async def work() -> None:
            async with Shelf(*self._folders()) as shelf:
                await serve(self.settings, shelf, platforms, role, announce)

        await until_signalled(work)

    async def hand_over(self, worker: str) -> int:
        """Let other workers take the runs of one that is gone; how many there were."""
        from bot.serve import hand_over

        return await hand_over(self.settings, worker)

    async def forget(self, person: str) -> int:
        """Delete all that is kept of a person, as "platform:id"; how many runs there were."""
        from bot.serve import forget

        return await forget(self.settings, person)

    def platforms(self) -> list[Platform]:
        """The platforms that the settings switch on. Here, and nowhere else, each is named."""
        platforms: list[Platform] = []
        if self.settings.discord_token is not None:
            from bot.platforms.discord.adapter import Discord

            platforms.append(Discord(self.settings))
        if self.settings.telegram_token is not None:
            from bot.platforms.telegram.adapter import TelegramPlatform
            from bot.serve import database

            platforms.append(TelegramPlatform(self.settings, database(self.settings)))
        return platforms

    def _folders(self) -> list[Path]:
        from bot.core.catalog import bundled_folder

        return [bundled_folder(), *([self.settings.workflows] if self.settings.workflows else [])]

    def _server(self, url: str) -> Server:
        from comfy.server import Server

        try:
            return Server(**self.settings.server(server_url(url)))
        except ValueError as fault:
            raise ConfigError(str(fault)) from None


def _client(server: Server) -> ComfyClient:
    from comfy.client import ComfyClient

    return ComfyClient(server)
