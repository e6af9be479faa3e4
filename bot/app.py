"""Builds every part in order, and takes it down again: the only module that knows them all.

It imports a part where it builds it, so that a command waits for nothing that it does not use.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from bot.config import Settings
from bot.core.errors import ConfigError
from bot.servers import server_url

if TYPE_CHECKING:
    from bot.core.bench import Bench
    from bot.core.catalog import Catalog
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
        from bot.core.catalog import Catalog, bundled_folder

        own = [self.settings.workflows] if self.settings.workflows else []
        return Catalog.read(bundled_folder(), *own)

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

    def _server(self, url: str) -> Server:
        from comfy.server import Server

        try:
            return Server(**self.settings.server(server_url(url)))
        except ValueError as fault:
            raise ConfigError(str(fault)) from None


def _client(server: Server) -> ComfyClient:
    from comfy.client import ComfyClient

    return ComfyClient(server)
