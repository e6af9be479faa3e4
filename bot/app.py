"""Build all parts in order, and close them again. Only this module knows all parts.

It imports each part where it builds it, so that a command loads only what it uses.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.core.errors import ConfigError
from bot.i18n import _
from bot.server_settings import typed_url
from bot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bot.core.background import TaskHealth
    from bot.core.backup.maker import BackupMade
    from bot.core.backup.restorer import Restored
    from bot.core.care.desk import ServerDesk
    from bot.core.care.model_files import ModelFetcher
    from bot.core.execution.one_shot import OneShotRunner
    from bot.core.moderation.operator import OperatorService
    from bot.core.platform import PackedData, Platform
    from bot.core.servers.nearby import FoundServer
    from bot.core.sources.library import TemplateLibrary
    from bot.core.workflows.catalog import Catalog
    from bot.core.workflows.source import Layer
    from bot.preflight import Findings
    from bot.settings import Role
    from bot.setup.checks import CheckedBot, Introduction
    from bot.setup.service import SetupEnd
    from comfy.client import ComfyClient
    from comfy.server import Server

_ENV = Path(".env")
_SAMPLE = Path(__file__).parent / "demo" / "coffee.jpg"
_TURN = 0.0005  # seconds after which a thread that works lets the event loop go on
_GARBAGE = 20_000, 4, 100  # new objects before Python looks for cycles: a run leaves few, and 400,000 take 50 ms
_DEMO_NOTE = _(
    "This is a demo, slowed down so that you can watch. The page, the queue, the workflows and the connection to a "
    "ComfyUI server are real. A small built-in engine without models takes the server's place, so workflows with "
    "models cannot run here. Nothing is kept after it stops."
)


_NEW_NOTE = _(
    "Darkroom runs. Choose a workflow, give it what it asks for, and press Develop: that is your first picture. Your "
    "settings are in the file .env."
)


class App:
    """The parts of one process."""

    _is_new = False  # the settings were just written

    @cached_property
    def settings(self) -> Settings:
        """Raises `ConfigError`."""
        return Settings.read()

    @cached_property
    def tasks(self) -> TaskHealth:
        """The state of this process's background tasks."""
        from bot.core.background import TaskHealth

        return TaskHealth()

    @cached_property
    def catalog(self) -> Catalog:
        """The bundled workflows and the operator's own."""
        from bot.core.workflows.catalog import Catalog
        from bot.core.workflows.reader import read_folders

        return Catalog.of(read_folders(self._folders()))

    async def learn(self, servers: Sequence[str | None]) -> None:
        """See `Application.learn`. Raises `ConfigError`."""
        if not self.catalog.waiting:
            return
        from comfy.errors import ComfyError

        found = []
        for each in servers:
            with suppress(ComfyError):
                async with self.open(each) as runner:
                    found.append(await runner.definitions())
        if found:
            self.learn_from(*found)

    def learn_from(self, *definitions: Mapping[str, Any]) -> None:
        """See `Application.learn_from`. Raises `ConfigError`."""
        if self.catalog.waiting:
            from bot.core.workflows.catalog import Catalog
            from bot.core.workflows.reader import read_folders
            from comfy.object_info import ObjectInfo

            self.catalog = Catalog.of(read_folders(self._folders()), ObjectInfo.union(map(ObjectInfo, definitions)))

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers' addresses in the settings."""
        return self.settings.urls

    def label(self, server: str | None) -> str:
        """Return a server's address without its password; empty for the built-in engine. Raises `ConfigError`."""
        return "" if server is None else str(self._server(server))

    @asynccontextmanager
    async def open(self, server: str | None) -> AsyncIterator[OneShotRunner]:
        """Open a runner for a server, or for the built-in engine if `server` is None."""
        from bot.core.execution.one_shot import OneShotRunner
        from bot.core.media.images import PictureLimits
        from bot.core.pool.pool import in_threads
        from comfy.server import Server

        settings = self.settings
        limits = PictureLimits(int(settings.max_upload_mb * 1e6), int(settings.max_megapixels * 1e6))
        async with AsyncExitStack() as stack:
            if server is None:
                from bot.core.extras import need_engine

                need_engine()
                from comfy.embedded import EmbeddedServer

                target = Server((await stack.enter_async_context(EmbeddedServer())).url)
            else:
                target = self._server(server)
            client = await stack.enter_async_context(_client(target))
            stack.enter_context(in_threads())  # for one picture, starting a process takes longer than it saves
            yield OneShotRunner(self.catalog, client, limits, keep_metadata=settings.keep_metadata)

    async def definitions(self, server: str | None) -> Mapping[str, Any]:
        """See `Application.definitions`. Raises `ConfigError` and `ComfyError`."""
        async with self.open(server if server is not None else next(iter(self.servers), None)) as runner:
            return await runner.definitions()

    @asynccontextmanager
    async def library(self, server: str | None) -> AsyncIterator[TemplateLibrary]:
        """See `Application.library`. Raises `ConfigError`, and `UserError` where no server is named."""
        from bot.core.errors import UserError
        from bot.core.sources.library import TemplateLibrary

        url = server if server is not None else next(iter(self.servers), None)
        if url is None:
            raise UserError(_("The built-in engine has no library of workflows: name a ComfyUI server with --server."))
        async with _client(self._server(url)) as client:
            yield TemplateLibrary(client)

    async def start(self, role: Role, announce: Callable[[str], None]) -> None:
        """Serve the platforms that are on, until a signal. Raises `ConfigError`."""
        gc.disable()
        from bot.core.storage.temporary import process_folder
        from bot.core.workflows.live.live_catalog import LiveCatalog
        from bot.process import serve, until_signalled
        from bot.setup.draft import DraftFile
        from bot.stores import data_folder, writing

        def settled() -> None:
            gc.freeze()  # what a start has loaded stays: it is not looked through again and again
            gc.set_threshold(*_GARBAGE)
            gc.enable()

        async def work() -> None:
            found = await self.examine(role)
            if refusals := [*found.faults, *([found.idle] if found.idle else [])]:
                raise ConfigError("\n".join(refusals))
            folder, platforms = await asyncio.to_thread(data_folder, self.settings), self.platforms()
            async with AsyncExitStack() as stack:
                await asyncio.to_thread(DraftFile(folder).drop)  # there are settings
                with writing(folder):
                    await asyncio.to_thread(stack.enter_context, process_folder(folder / "tmp"))
                live_catalog = LiveCatalog(*self._folders(), tasks=self.tasks, kept=folder / "cache")
                await stack.enter_async_context(live_catalog)
                await serve(self.settings, live_catalog, platforms, role, self.tasks, announce, settled)

        sys.setswitchinterval(_TURN)
        try:
            await until_signalled(work)
        finally:
            gc.enable()

    async def backup(self, path: Path, *, media: bool | None) -> BackupMade:
        """See `Application.backup`."""
        from bot.keeping import backup

        return await backup(self.settings, path, media=media)

    async def restore(self, path: Path, ledgers: Sequence[Path], *, without_erasures: bool) -> Restored:
        """See `Application.restore`."""
        from bot.keeping import restore
        from bot.platforms.telegram import upkeep as telegram

        return await restore(self.settings, path, ledgers, [telegram.settle], without_erasures=without_erasures)

    async def move_to(self, url: str) -> int:
        """See `Application.move_to`."""
        from bot.keeping import move_to

        return await move_to(self.settings, url)

    async def resume(self) -> bool:
        """See `Application.resume`."""
        from bot.keeping import resume

        return await resume(self.settings)

    def is_unset(self) -> bool:
        """See `Application.is_unset`."""
        from bot.setup.env_file import is_unset

        return is_unset(_ENV)

    async def set_up(self, announce: Callable[[str], None]) -> SetupEnd:
        """See `Application.set_up`. Raises `ConfigError`."""
        from bot.core.extras import has
        from bot.platforms.web.setup.server import set_up
        from bot.process import until_signalled
        from bot.settings import Role
        from bot.setup.draft import DraftFile
        from bot.setup.service import BundledWorkflow, SetupEnd, SetupService

        async def refusals(settings: Settings) -> Sequence[str]:
            from bot.preflight import examine

            found = await examine(settings, Role(), lambda _listens: ())
            return [*found.faults, *([found.busy] if found.busy else [])]

        if not self.settings.servers and has("engine"):
            await self.learn([None])
        here = [each for each in self.catalog.workflows.values() if each.layer == "bundled"]
        bundled = [BundledWorkflow(each.name, each.title, each.description, each) for each in here]
        draft, has_engine = DraftFile(self.settings.folder), has("engine")
        service = SetupService(_ENV, draft, _accounts(), bundled, refusals, has_engine=has_engine)
        end = SetupEnd.LEFT

        async def work() -> None:
            nonlocal end
            await service.open()
            ports = (self.settings.web_port,) if "DARKROOM_WEB_PORT" in os.environ else _ports(self.settings)
            async with set_up(service, ports) as (address, ended):
                announce(address)
                end = await ended

        await until_signalled(work)
        for name in ("settings", "catalog"):
            self.__dict__.pop(name, None)  # they are read again, with what was written
        self._is_new = end is SetupEnd.WRITTEN
        return end

    async def check_server(self, address: str, token: str) -> FoundServer:
        """See `Application.check_server`."""
        from bot.setup.checks import check_server

        return await check_server(address, token)

    async def check_bot(self, platform: str, token: str, allowed: str) -> CheckedBot:
        """See `Application.check_bot`."""
        from bot.setup.checks import check_bot

        return await check_bot(platform, _accounts()[platform], token, allowed, os.environ)

    async def nearby(self) -> list[FoundServer]:
        """See `Application.nearby`."""
        from bot.core.servers.nearby import nearby

        return await nearby()

    async def examine(self, role: Role) -> Findings:
        """Find what `start` would refuse in this role."""
        from bot.preflight import examine

        return await examine(self.settings, role, self._trials)

    async def saved(self) -> list[str]:
        """See `Application.saved`."""
        from bot.stores import saved_notes

        return await saved_notes(self.settings)

    async def hand_over(self, worker: str) -> int:
        """Give a lost worker's runs to the other workers. Returns the number of runs."""
        from bot.stores import hand_over

        return await hand_over(self.settings, worker)

    async def forget(self, person: str) -> int:
        """Delete all data of a person, given as "platform:id". Returns the number of runs."""
        from bot.stores import forget

        count = await forget(self.settings, person)
        await self._forget_notes(*person.split(":", 1))
        return count

    async def export(self, person: str, path: Path) -> PackedData:
        """Write the data of a person, given as "platform:id", to a new file. Raises `OSError` too."""
        from bot.stores import export

        return await export(self.settings, person, path)

    async def _forget_notes(self, platform: str, number: str) -> None:
        """Delete what a platform has noted of a person, if it was ever on."""
        from bot.core.storage.key_value import KeyValueStore
        from bot.platforms.discord import upkeep as discord
        from bot.platforms.telegram import upkeep as telegram
        from bot.stores import database

        forget = {"discord": discord.forget, "telegram": telegram.forget}.get(platform)
        has_notes = self.settings.database is not None or (self.settings.folder / f"{platform}.db").is_file()
        if forget is not None and has_notes:
            async with database(self.settings, platform) as kept:
                await forget(KeyValueStore(kept), number)
                await kept.scrub()

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[ServerDesk]:
        """See `Application.desk`."""
        from bot.core.care.desk import ServerDesk
        from bot.core.care.states import ServerStates
        from bot.stores import opened_beside

        async with opened_beside(self.settings) as store:
            yield ServerDesk(ServerStates(store.database), store.records, f"terminal:operator:{_('the operator')}")

    def model_fetcher(self, tell: Callable[[int, int], None]) -> ModelFetcher:
        """See `Application.model_fetcher`. Raises `ConfigError`."""
        from bot.core.care.model_files import ModelFetcher

        if self.settings.models_dir is None or not self.settings.model_hosts:
            words = _("Set {folder} to the folder “models” of ComfyUI, and {hosts} to the hosts that you trust.")
            raise ConfigError(words.format(folder="DARKROOM_MODELS_DIR", hosts="DARKROOM_MODEL_HOSTS"))
        return ModelFetcher(self.settings.models_dir, self.settings.model_hosts, tell)

    async def operate(self, work: Callable[[OperatorService], Awaitable[str]]) -> str:
        """Do something with the moderators' decisions in the configured database. Raises `ConfigError`."""
        from bot.core.moderation.operator import OperatorService
        from bot.core.policy.audit import Audit
        from bot.core.policy.rule_store import RuleStore
        from bot.core.workflows.identity.store import WorkflowStore
        from bot.core.workflows.live.live_catalog import LiveCatalog
        from bot.stores import opened_beside

        async with opened_beside(self.settings) as store:
            audit, catalog = Audit(store.database), LiveCatalog(*self._folders(), tasks=self.tasks)
            async with (
                catalog.recorded_in(WorkflowStore(store.database)),
                RuleStore(store.database, audit, self.tasks) as book,
            ):
                return await work(OperatorService(book, audit, catalog))

    def platforms(self) -> list[Platform]:
        """Return the platforms that the settings turn on. Only this method names them."""
        platforms: list[Platform] = []
        if self.settings.discord_token is not None:
            from bot.platforms.discord.adapter import DiscordPlatform
            from bot.stores import key_value

            platforms.append(DiscordPlatform(self.settings, key_value(self.settings, "discord")))
        if self.settings.telegram_token is not None:
            from bot.platforms.telegram.adapter import TelegramPlatform
            from bot.stores import key_value

            platforms.append(TelegramPlatform(self.settings, key_value(self.settings, "telegram"), self.tasks))
        if self.settings.web:
            from bot.platforms.web.adapter import WebPlatform
            from bot.platforms.web.config import PageConfig
            from bot.stores import key_value

            shared = key_value(self.settings) if self.settings.database is not None else None
            options = PageConfig.of(self.settings)
            if self._is_new:
                options = replace(options, note=_NEW_NOTE, sample=_SAMPLE)
            platforms.append(WebPlatform(options, shared=shared))
        return platforms

    def _trials(self, listens: bool) -> Iterator[Awaitable[None]]:
        settings = self.settings
        if settings.web:
            from bot.platforms.web import adapter as web

            yield web.examine(settings, listens=listens)
        if settings.telegram_token is not None:
            from bot.platforms.telegram import adapter as telegram

            yield telegram.examine(settings, listens=listens)

    async def platform_verdicts(self) -> list[tuple[str, bool]]:
        """Check the setup of each platform: a line of text, and True if it is good."""
        return [await _verdict(question) for question in self._introductions()]

    def _introductions(self) -> Iterator[Awaitable[str]]:
        settings = self.settings
        if settings.discord_token is not None:
            from bot.platforms.discord import adapter as discord

            yield discord.introduce(settings)
        if settings.telegram_token is not None:
            from bot.platforms.telegram import adapter as telegram

            yield telegram.introduce(settings)
        if settings.public_url:
            from bot.platforms.web import public_url

            yield public_url.introduce(settings.public_url.rstrip("/"))
            if settings.web and settings.web_token is not None and not settings.web_proxy_header:
                yield public_url.warn()

    async def demo(self, announce: Callable[[str], None], pace: float) -> None:
        """Serve only the page, on the built-in engine, and keep nothing. `announce` gets its address.

        Raises `ConfigError` and `DiskFull`.
        """
        from bot.core.extras import need_engine

        need_engine(_("The demo runs on the built-in engine."))
        from bot.core.storage.temporary import process_folder, room
        from bot.core.workflows.live.live_catalog import LiveCatalog
        from bot.platforms.web.adapter import WebPlatform
        from bot.platforms.web.config import PageConfig
        from bot.process import serve, until_signalled
        from bot.settings import Role
        from bot.stores import data_folder

        ports = _ports(self.settings)
        options = replace(PageConfig.of(self.settings), ports=ports, note=_DEMO_NOTE, sample=_SAMPLE)
        page = WebPlatform(options, announce)

        async def work() -> None:
            with room(), process_folder() as folder:
                data = folder / "data"
                settings = replace(self.settings, servers=(), database=None, media=None, data_dir=data)
                await asyncio.to_thread(data_folder, settings)
                async with LiveCatalog(*self._folders(settings), tasks=self.tasks) as live_catalog:
                    await serve(settings, live_catalog, [page], Role(pace=pace), self.tasks, lambda _ready: None)

        await until_signalled(work)

    def _folders(self, settings: Settings | None = None) -> list[tuple[Layer, Path]]:
        from bot.core.workflows.catalog import bundled_folder
        from bot.core.workflows.source import Layer

        added, own = (settings or self.settings).added_workflows, self.settings.own_workflows
        there = [(layer, folder) for layer, folder in ((Layer.ADDED, added), (Layer.FOLDER, own)) if folder.is_dir()]
        return [(Layer.BUNDLED, bundled_folder()), *there]

    def _server(self, url: str) -> Server:
        from comfy.server import Server

        try:
            return Server(**self.settings.server(typed_url(url)))
        except ValueError as fault:
            raise ConfigError(str(fault)) from None


def _ports(settings: Settings) -> range:
    """The port of the page, and those after it for where it is taken."""
    return range(settings.web_port, min(settings.web_port + 100, 65_536))


def _accounts() -> Mapping[str, Introduction]:
    """The platforms that tell which bot a token is of."""
    from bot.platforms.discord import adapter as discord
    from bot.platforms.telegram import adapter as telegram

    return {"discord": discord.account, "telegram": telegram.account}


def _client(server: Server) -> ComfyClient:
    from comfy.client import ComfyClient

    return ComfyClient(server)


async def _verdict(question: Awaitable[str]) -> tuple[str, bool]:
    try:
        return await question, True
    except ConfigError as fault:
        return str(fault), False
