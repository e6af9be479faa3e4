"""Serving: the platforms, the line and the servers of one process, from its start to a shutdown that loses nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bot.config import Settings
from bot.core.announcer import Announcer
from bot.core.attempt import House
from bot.core.audit import Audit
from bot.core.authority import Authority
from bot.core.chat import Platform
from bot.core.check import Checker, Known
from bot.core.chore import Chore
from bot.core.contributions import Contributions
from bot.core.desk import Desk
from bot.core.engine import Engine
from bot.core.errors import ConfigError, StorageFailed
from bot.core.floor import Floor
from bot.core.forgetting import delete_runs
from bot.core.gate import Gate
from bot.core.moderation import Moderation
from bot.core.outlook import Outlook
from bot.core.pictures import PictureLimits
from bot.core.policy import Default
from bot.core.post import held
from bot.core.reviews import Reviews
from bot.core.revision import Revision
from bot.core.roster import Roster
from bot.core.rulebook import Rulebook
from bot.core.shelf import Shelf
from bot.core.worker import Worker
from bot.store import Store, opened, writing
from bot.words import _
from comfy.embedded import EmbeddedServer
from comfy.fleet import Fleet, Member
from comfy.object_info import ObjectInfo
from comfy.server import Server

_log = logging.getLogger(__name__)
_SWEEP_EVERY = 3600.0  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before a platform that failed is started again


@dataclass(frozen=True)
class Role:
    """What a process does: speak to the platforms, or work with servers under a name, or both.

    `pace` are the seconds that the built-in engine gives each node, so that there is something to watch.
    """

    chat: bool = True
    worker: str | None = "darkroom"
    pace: float = 0.0


@asynccontextmanager
async def serving(
    settings: Settings, catalog: Shelf, platforms: Mapping[str, Platform], role: Role
) -> AsyncIterator[Desk]:
    """Everything that one process does, until the context is left. Raises `ConfigError`."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(settings))
        with writing(settings.folder):
            if role.worker is not None:
                await stack.enter_async_context(held(store.database, settings.folder, role.worker))
            members = await stack.enter_async_context(_members(settings, role))
        worker: Worker | None = None
        roster: Roster | None = None

        def wake() -> None:
            if worker is not None:
                worker.wake()

        def changed() -> None:
            wake()
            if roster is not None:
                roster.note()

        floor = Floor(store.database)
        fleet = await stack.enter_async_context(Fleet(members, changed))
        if role.worker is not None:
            house = House(
                catalog,
                store.records,
                store.line,
                store.media,
                platforms,
                store.links,
                settings.keep_metadata,
                floor,
            )
            worker = await stack.enter_async_context(_worker(role.worker, house, fleet, store, settings))
        roster = await stack.enter_async_context(Roster(store.database, role.worker, fleet))
        if role.chat:
            plan, farewell = Outlook(catalog, store.records, roster).starts, worker is not None
            announcer = Announcer(store.line, store.records, catalog, platforms, plan, floor, farewell=farewell)
            await stack.enter_async_context(announcer)
        checker = Checker(catalog, _known(fleet, roster), _limits(settings))
        moderation = await stack.enter_async_context(
            _moderated(settings, store, catalog, checker, platforms, role, floor, wake)
        )
        await stack.enter_async_context(_swept(store, moderation.audit, settings.retention_days))
        desk = Desk(
            checker,
            store.line,
            store.records,
            store.media,
            platforms,
            moderation,
            store.links,
            floor=floor,
            operators=settings.operators,
            servers=lambda: {name: each.up for name, each in roster.servers.items()},
            version=lambda: roster.version,
            wake=wake,
            stop=worker.cancel if worker is not None else _nobody,
        )
        try:
            yield desk
        finally:
            desk.open = False


@asynccontextmanager
async def _moderated(
    settings: Settings,
    store: Store,
    catalog: Shelf,
    checker: Checker,
    platforms: Mapping[str, Platform],
    role: Role,
    floor: Floor,
    wake: Callable[[], None],
) -> AsyncIterator[Moderation]:
    """The moderators' desk, and all that it decides with."""
    audit = Audit(store.database)
    async with AsyncExitStack() as stack:
        book = await stack.enter_async_context(Rulebook(store.database, audit))
        gate = Gate(book, audit, Default.read(settings.default_workflows), settings.operators)
        authority = Authority(audit, settings.operators, settings.trusted)
        reviews = Reviews(store.records, store.media, platforms, catalog, audit, authority, wake)
        if role.chat:
            await stack.enter_async_context(reviews)
            revision = Revision(gate, audit, store.line, store.records, catalog, platforms, floor)
            await stack.enter_async_context(revision)
        own, nodes = settings.own_workflows, settings.allowed_nodes
        contributions = Contributions(own, catalog, checker, book, audit, authority, nodes)
        yield Moderation(gate, audit, authority, checker, store.line, store.records, reviews, contributions)


async def serve(
    settings: Settings, catalog: Shelf, platforms: Sequence[Platform], role: Role, announce: Callable[[str], None]
) -> None:
    """Work in this role until cancelled. Raises `ConfigError`. `announce` is told when it can be used."""
    async with AsyncExitStack() as stack:
        for platform in platforms:
            await stack.enter_async_context(platform)
        named = {platform.name: platform for platform in platforms}
        desk = await stack.enter_async_context(serving(settings, catalog, named, role))
        chatting = [_attended(platform, desk) for platform in platforms] if role.chat else [asyncio.Event().wait()]
        announce(_("Ready: {platforms}").format(platforms=", ".join(named)))
        await asyncio.gather(*chatting)


async def _attended(platform: Platform, desk: Desk) -> None:
    """Serve a platform, and again whenever it fails: what happens on one stops no other."""
    pause = _FIRST_PAUSE
    while True:
        begun = time.monotonic()
        try:
            await platform.serve(desk)
        except ConfigError:
            raise
        except (OSError, TimeoutError) as fault:
            _log.warning("%s cannot be reached, and is tried again in %.0f s: %s", platform.name, pause, fault)
        except Exception as error:  # noqa: BLE001 - the top of a platform
            _log.error("%s failed, and is started again in %.0f s", platform.name, pause, exc_info=error)
        await asyncio.sleep(pause)
        pause = _FIRST_PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)


async def until_signalled(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do some work until SIGTERM or SIGINT; a second SIGINT ends the process at once."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        ended.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the next one waits for nothing: nothing is lost by it

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    task = asyncio.create_task(work())
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled() and (fault := task.exception()) is not None:
        raise fault


@asynccontextmanager
async def _members(settings: Settings, role: Role) -> AsyncIterator[Sequence[Member]]:
    """The servers of this process: none where others work with them."""
    if role.worker is None:
        yield []
        return
    if settings.servers:
        yield [Member(each.name, Server(**settings.server(each.url)), each.at_once) for each in settings.servers]
        return
    async with EmbeddedServer(settings.folder / "engine", pace=role.pace) as engine:
        yield [Member(_("built-in"), Server(engine.url))]


def _worker(name: str, house: House, fleet: Fleet, store: Store, settings: Settings) -> Worker:
    return Worker(name, house, fleet, lambda attempt: Engine(store.database, settings.folder, name, attempt))


def _known(fleet: Fleet, roster: Roster) -> Known:
    async def known() -> Mapping[str, ObjectInfo]:
        await fleet.looked()
        return roster.known

    return known


def _limits(settings: Settings) -> PictureLimits:
    return PictureLimits(int(settings.max_upload_mb * 1e6), int(settings.max_megapixels * 1e6))


@asynccontextmanager
async def _swept(store: Store, audit: Audit, days: float) -> AsyncIterator[None]:
    chore = Chore("sweep")
    chore.start(_sweep(store, audit, days))
    try:
        yield
    finally:
        await chore.stop()


async def _sweep(store: Store, audit: Audit, days: float) -> None:
    """Delete what is older than the settings keep it."""
    while True:
        try:
            await store.records.expire(time.time() - days * 86_400)
            while ids := await store.records.older_than(time.time() - days * 86_400):
                await delete_runs(ids, store.records, store.media)
            await audit.sweep(time.time() - days * 86_400)
            await store.line.sweep()
        except StorageFailed as fault:
            _log.warning("old runs cannot be deleted: %s", fault)
        await asyncio.sleep(_SWEEP_EVERY)


def _nobody(_run_id: str) -> None:
    """A process without servers leaves it to the workers to see who wants what cancelled."""
