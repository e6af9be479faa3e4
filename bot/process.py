"""Run the platforms, the queue and the servers of one process, from start to shutdown."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.errors import ConfigError
from bot.core.execution.attempt import ExecutionContext
from bot.core.execution.durable import AttemptFunction, DurableEngine
from bot.core.execution.takeover import Takeover
from bot.core.execution.worker import Worker
from bot.core.execution.worker_lock import always_held, held
from bot.core.listeners import Listeners
from bot.core.media.files import FileService
from bot.core.media.images import PictureLimits
from bot.core.model import Failed, Publish
from bot.core.moderation.reevaluation import Reevaluation
from bot.core.moderation.reviews import Reviews
from bot.core.moderation.saved_workflows import SavedWorkflows
from bot.core.moderation.service import ModerationService
from bot.core.moderation.template_adder import TemplateAdder
from bot.core.moderation.workflow_editor import WorkflowEditor
from bot.core.platform import Health, Platform, Services
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import DefaultAccess
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import RuleStore
from bot.core.runs.erasure import delete_orphans, delete_runs
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.locks import RunLocks
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue_notifier import QueueNotifier
from bot.core.runs.replies import RunReplies
from bot.core.runs.service import RunService
from bot.core.runs.validation import KnownNodes, RequestValidator
from bot.core.runs.workflow_service import WorkflowService
from bot.core.servers.registry import ServerRegistry
from bot.core.sources.library import TemplateLibrary
from bot.core.sources.publisher import SavedPublisher, SavedShelf
from bot.core.sources.store import SavedStore
from bot.core.sources.watcher import SavedFilesWatcher, SavingServer
from bot.core.storage import data_folder
from bot.core.storage.temporary import locked_folder
from bot.core.together import together
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.live_catalog import LiveCatalog
from bot.core.workflows.source import Layer
from bot.i18n import _
from bot.settings import Role, Settings
from bot.stores import Stores, opened, writing
from comfy.embedded import EmbeddedServer
from comfy.fleet import Fleet, Member
from comfy.object_info import ObjectInfo
from comfy.server import Server

_PREPARE_EVERY = 1.0  # seconds between two looks at what has changed of workflows and servers
_SWEEP_EVERY = 3600.0  # seconds


@dataclass(frozen=True)
class Policy:
    """The moderators' rules, and the parts that apply them."""

    rules: RuleStore
    audit: Audit
    enforcer: PolicyEnforcer
    permissions: Permissions


@asynccontextmanager
async def serving(
    settings: Settings, catalog: LiveCatalog, platforms: Mapping[str, Platform], role: Role, tasks: TaskHealth
) -> AsyncIterator[Services]:
    """Open all parts of one process, until the context is left. Raises `ConfigError`."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(settings))
        with writing(settings.folder):
            confirm: Callable[[], Awaitable[None]] = always_held
            if role.worker is not None:
                confirm = await stack.enter_async_context(held(store.database, settings.folder, role.worker))
            members = await stack.enter_async_context(_members(settings, role))
        kept = WorkflowStore(store.database)
        await stack.enter_async_context(catalog.recorded_in(kept))
        versions = WorkflowVersions(catalog, kept)
        wake, cancel, servers_changed = Listeners[[]](), Listeners[[str]](), Listeners[[]]()
        locks = RunLocks(store.database)
        replies = RunReplies(platforms, versions, store.records, Audit(store.database))
        fleet = await stack.enter_async_context(Fleet(members, servers_changed))
        registry = await stack.enter_async_context(ServerRegistry(store.database, role.worker, fleet, tasks, confirm))
        servers_changed.add(registry.note)
        await stack.enter_async_context(catalog.following(lambda: registry.known))
        if role.worker is not None:
            context = ExecutionContext(
                versions,
                store.records,
                store.queue,
                store.media,
                replies,
                store.links,
                registry.lease,
                settings.keep_metadata,
                locks,
            )
            worker = await stack.enter_async_context(_worker(role.worker, context, fleet, store, settings, tasks))
            for changes in (wake, servers_changed):
                changes.add(worker.wake)
            cancel.add(worker.cancel)
            await stack.enter_async_context(
                Takeover(store.database, registry, store.records, replies, tasks, worker.wake)
            )
        if role.chat:
            starts, farewell = EtaEstimator(versions, store.records, registry).starts, role.worker is not None
            notifier = QueueNotifier(
                store.queue, store.records, versions, replies, starts, locks, tasks, farewell=farewell
            )
            await stack.enter_async_context(notifier)
        validator = RequestValidator(versions, _known(fleet, registry), _limits(settings))
        prices = PriceEstimator(catalog, lambda: registry.known, lambda: registry.version)
        await stack.enter_async_context(_prepared(validator, prices, role, tasks))
        policy = await stack.enter_async_context(_policy(settings, store, catalog, tasks, prices))
        saved = SavedStore(store.database)
        shelf = SavedShelf(saved, catalog)
        await catalog.offer_saved(shelf.files)
        if role.worker is not None:
            await stack.enter_async_context(_watched(settings, role.worker, saved, shelf, fleet, registry, tasks))
        questions = SavedWorkflows(saved, shelf, policy.audit, policy.permissions, platforms, locks, tasks)
        if role.chat:
            await stack.enter_async_context(questions)
        moderation = await stack.enter_async_context(
            _moderation(
                settings,
                store,
                catalog,
                versions,
                validator,
                replies,
                role,
                locks,
                policy,
                tasks,
                wake,
                questions,
                _libraries(fleet),
            )
        )
        await stack.enter_async_context(_swept(store, kept, replies, policy.audit, settings.retention_days, tasks))
        workflows = WorkflowService(validator, policy.enforcer, store.queue, prices, lambda: registry.version)
        runs = RunService(
            workflows,
            validator,
            store.queue,
            store.records,
            store.media,
            replies,
            policy.enforcer,
            policy.permissions,
            policy.audit,
            store.links,
            locks,
            prices,
            wake,
            cancel,
        )
        health = Health(
            lambda: {name: each.up for name, each in registry.servers.items()},
            lambda: runs.accepting,
            tasks,
            store.records.probe,
        )
        try:
            yield Services(runs, moderation, workflows, FileService(store.media), health)
        finally:
            runs.accepting = False


@asynccontextmanager
async def _prepared(
    validator: RequestValidator, prices: PriceEstimator, role: Role, tasks: TaskHealth
) -> AsyncIterator[None]:
    """Meanwhile, work out what menus say of workflows before a person opens one."""
    task = BackgroundTask("menus", tasks)

    async def prepare() -> None:
        await validator.prepare()
        await asyncio.to_thread(prices.prepare)

    if role.chat:
        task.repeat(prepare, _PREPARE_EVERY)
    try:
        yield
    finally:
        await task.stop()


@asynccontextmanager
async def _policy(
    settings: Settings, store: Stores, catalog: LiveCatalog, tasks: TaskHealth, prices: PriceEstimator
) -> AsyncIterator[Policy]:
    audit = Audit(store.database)

    def waits(workflow: str) -> bool:
        found = catalog.workflows.get(workflow)
        return found is not None and found.trial

    async with RuleStore(store.database, audit, tasks) as rules:
        default = DefaultAccess.read(settings.default_workflows)
        enforcer = PolicyEnforcer(rules, audit, default, settings.operators, costs=prices.is_paid, waits=waits)
        yield Policy(rules, audit, enforcer, Permissions(audit, settings.operators, settings.trusted))


@asynccontextmanager
async def _moderation(
    settings: Settings,
    store: Stores,
    catalog: LiveCatalog,
    versions: WorkflowVersions,
    validator: RequestValidator,
    replies: RunReplies,
    role: Role,
    locks: RunLocks,
    policy: Policy,
    tasks: TaskHealth,
    wake: Callable[[], None],
    saved: SavedWorkflows,
    libraries: Callable[[], Sequence[TemplateLibrary]],
) -> AsyncIterator[ModerationService]:
    audit, permissions, enforcer = policy.audit, policy.permissions, policy.enforcer
    async with AsyncExitStack() as stack:
        reviews = Reviews(store.records, store.media, replies, audit, permissions, locks, tasks, wake)
        if role.chat:
            await stack.enter_async_context(reviews)
            reevaluation = Reevaluation(enforcer, audit, store.queue, store.records, versions, replies, locks, tasks)
            await stack.enter_async_context(reevaluation)
        folders = {Layer.ADDED: settings.added_workflows, Layer.FOLDER: settings.own_workflows}
        editor = WorkflowEditor(folders, catalog, validator, policy.rules, audit, permissions, settings.allowed_nodes)
        yield ModerationService(
            enforcer,
            audit,
            permissions,
            validator,
            store.queue,
            store.records,
            reviews,
            editor,
            saved,
            TemplateAdder(editor, permissions, libraries),
        )


def _libraries(fleet: Fleet) -> Callable[[], Sequence[TemplateLibrary]]:
    libraries = {name: TemplateLibrary(fleet.client(name)) for name in fleet.members}
    return lambda: [library for name, library in libraries.items() if name in fleet.up]


@asynccontextmanager
async def _watched(
    settings: Settings,
    worker: str,
    store: SavedStore,
    shelf: SavedShelf,
    fleet: Fleet,
    registry: ServerRegistry,
    tasks: TaskHealth,
) -> AsyncIterator[None]:
    """Look after what people save at the servers of this worker."""
    sources = _sources(settings, worker, fleet)
    keys = {each.key: each.name for each in sources}

    def infos() -> Mapping[str, ObjectInfo]:
        known = fleet.known
        return {key: known[name] for key, name in keys.items() if name in known}

    publisher = SavedPublisher(store, shelf, worker, infos, keys, settings.allowed_nodes)
    if settings.database is None:
        await publisher.keep(keys)
    async with SavedFilesWatcher(
        fleet, sources, settings.saved_folder, publisher, tasks, lambda each: each.local or registry.is_first(each.name)
    ):
        yield


def _sources(settings: Settings, worker: str, fleet: Fleet) -> list[SavingServer]:
    """Return the servers of this worker. One on this machine is another one for each worker that shares a database."""
    named = {each.name: each for each in settings.servers}
    sources = []
    for name in fleet.members:
        server = named.get(name)
        local = server is None or server.is_on_this_machine
        key = f"{worker}/{name}" if local and settings.database is not None else name
        publish = Publish.OPEN if server is None else server.publish
        users = () if server is None else settings.users_of(server)
        sources.append(SavingServer(name, key, local, publish, users))
    return sources


async def serve(
    settings: Settings,
    catalog: LiveCatalog,
    platforms: Sequence[Platform],
    role: Role,
    tasks: TaskHealth,
    announce: Callable[[str], None],
) -> None:
    """Work in this role until cancelled. `announce` gets a line for each platform that takes requests, or one for the
    worker. Raises `ConfigError`.
    """
    async with AsyncExitStack() as stack:
        for platform in platforms:
            await stack.enter_async_context(platform)
        named = {platform.name: platform for platform in platforms}
        services = await stack.enter_async_context(serving(settings, catalog, named, role, tasks))
        events_log.process_started(role.chat, role.worker, tuple(named))
        if role.chat:
            tasks.on_connected.add(_once(lambda name: announce(_("Ready: {platform}").format(platform=name))))
            await together(*(_attended(each, services, tasks) for each in platforms))
        else:
            announce(_("Ready: worker {name}").format(name=role.worker))
            await asyncio.Event().wait()


def _once(tell: Callable[[str], None]) -> Callable[[str], None]:
    told: set[str] = set()

    def tell_once(name: str) -> None:
        if name not in told:
            told.add(name)
            tell(name)

    return tell_once


async def _attended(platform: Platform, services: Services, tasks: TaskHealth) -> None:
    """Serve a platform, and again whenever it fails: what happens on one stops no other. Raises `ConfigError`."""

    async def work() -> None:
        tasks.disconnected(platform.name)
        try:
            await platform.serve(services)
        except Exception:
            tasks.disconnected(platform.name)
            raise
        tasks.disconnected(platform.name)
        raise ConnectionError("it has stopped serving")

    await BackgroundTask(platform.name, tasks, fatal=(ConfigError,)).run(work)


async def until_signalled(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do the work until SIGTERM or SIGINT. A second SIGINT ends the process at once."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        ended.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends at once; nothing is lost

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
    """Open the servers of this process; a process that only chats has none."""
    if role.worker is None:
        yield []
        return
    if settings.servers:
        yield [Member(each.name, Server(**settings.server(each.url)), each.at_once) for each in settings.servers]
        return
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(data_folder.clear_engine, settings.folder)
        folder = await asyncio.to_thread(stack.enter_context, locked_folder(settings.folder / "tmp"))
        engine = await stack.enter_async_context(EmbeddedServer(folder, pace=role.pace))
        yield [Member(_("built-in"), Server(engine.url, forgets=True))]


def _worker(
    name: str, context: ExecutionContext, fleet: Fleet, store: Stores, settings: Settings, tasks: TaskHealth
) -> Worker:
    def engine(attempt: AttemptFunction) -> DurableEngine:
        return DurableEngine(store.database, settings.folder, name, attempt, tasks)

    return Worker(name, context, fleet, engine, tasks)


def _known(fleet: Fleet, registry: ServerRegistry) -> KnownNodes:
    async def known() -> Mapping[str, ObjectInfo]:
        await fleet.looked()
        return registry.known

    return known


def _limits(settings: Settings) -> PictureLimits:
    return PictureLimits(int(settings.max_upload_mb * 1e6), int(settings.max_megapixels * 1e6))


@asynccontextmanager
async def _swept(
    store: Stores, kept: WorkflowStore, replies: RunReplies, audit: Audit, days: float, tasks: TaskHealth
) -> AsyncIterator[None]:
    chore = BackgroundTask("sweep", tasks)
    chore.repeat(partial(_sweep, store, kept, replies, audit, days), _SWEEP_EVERY)
    try:
        yield
    finally:
        await chore.stop()


async def _sweep(store: Stores, kept: WorkflowStore, replies: RunReplies, audit: Audit, days: float) -> None:
    """Delete what is older than the settings keep it."""
    sentence = _("No moderator looked at this in time. Please send the request again.")
    for run in await store.records.expire(time.time() - days * 86_400, sentence):
        await replies.show(run, Failed(sentence))
    while ids := await store.records.older_than(time.time() - days * 86_400):
        await delete_runs(ids, store.records, store.media)
    await audit.sweep(time.time() - days * 86_400)
    await store.queue.sweep()
    await kept.sweep(await store.records.versions_used())
    await delete_orphans(store.records, store.media)
    await store.records.scrub()
