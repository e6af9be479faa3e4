"""Run the platforms, the queue and the servers of one process, from start to shutdown."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import cache, partial
from importlib import import_module
from typing import Any

from bot.base import Base, Policy, start_estimator
from bot.core import events_log
from bot.core.background import BackgroundTask, TaskHealth
from bot.core.care.states import ServerStates
from bot.core.control.events import RecentEvents
from bot.core.drawing.service import MaskService
from bot.core.errors import ConfigError
from bot.core.execution.worker_lock import OwnName, held
from bot.core.extras import need, need_engine
from bot.core.groups.board import GroupBoard
from bot.core.groups.service import GroupService
from bot.core.line.service import LineService
from bot.core.listeners import Listeners
from bot.core.masks.links import MaskLinks
from bot.core.media.files import FileService
from bot.core.media.images import PictureLimits
from bot.core.model import Failed, Publish
from bot.core.moderation.invitation_service import InvitationService
from bot.core.moderation.people import PeopleOfPlaces
from bot.core.moderation.preview import DecisionPreview
from bot.core.moderation.problems import WorkflowProblems
from bot.core.moderation.reevaluation import Reevaluation
from bot.core.moderation.reports import Reports
from bot.core.moderation.reviews import Reviews
from bot.core.moderation.saved_workflows import SavedWorkflows
from bot.core.moderation.service import ModerationService
from bot.core.moderation.template_adder import TemplateAdder
from bot.core.moderation.workflow_editor import WorkflowEditor
from bot.core.people.accounts import LinksFollower
from bot.core.people.invitations import InvitationsFollower
from bot.core.people.service import LinkService
from bot.core.pings.pinger import Pinger
from bot.core.pings.wishes import PingWishes
from bot.core.platform import Health, Platform, Rooms, Services
from bot.core.policy.audit import Audit
from bot.core.policy.enforcement import PolicyEnforcer
from bot.core.policy.evaluate import DefaultAccess
from bot.core.policy.permissions import Permissions
from bot.core.policy.rule_store import RuleStore
from bot.core.port import TokenRefused
from bot.core.presets.service import PresetService
from bot.core.presets.store import PresetStore
from bot.core.readback.service import ReadbackService
from bot.core.runs.erasure import delete_orphans, delete_runs
from bot.core.runs.eta import EtaEstimator
from bot.core.runs.gallery.service import GalleryService
from bot.core.runs.history.erasing import ErasureService
from bot.core.runs.history.own_data import OwnDataService
from bot.core.runs.history.service import HistoryService
from bot.core.runs.locks import RunLocks
from bot.core.runs.oversight.finder import RunFinder
from bot.core.runs.prices import PriceEstimator
from bot.core.runs.queue_notifier import QueueNotifier
from bot.core.runs.replies import RunReplies
from bot.core.runs.service import RunService
from bot.core.runs.validation import KnownNodes, RequestValidator
from bot.core.runs.workflow_service import WorkflowService
from bot.core.servers.condition import Condition, ServerConditions
from bot.core.servers.lease import HeldName
from bot.core.servers.registry import ServerRegistry
from bot.core.sources.found import SavingServer
from bot.core.sources.library import TemplateLibrary
from bot.core.sources.publisher import SavedPublisher, SavedShelf
from bot.core.sources.store import SavedStore
from bot.core.sources.watcher import SavedFilesWatcher
from bot.core.storage import data_folder
from bot.core.storage.bells import Bell
from bot.core.storage.herald import Herald
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.standstill import is_paused
from bot.core.storage.temporary import locked_folder
from bot.core.together import together
from bot.core.traces.spans import recorded_by
from bot.core.watching.line_watch import LineWatch
from bot.core.watching.notices import Notices
from bot.core.watching.shared import TroubleReader, TroubleWriter
from bot.core.watching.trouble import Trouble
from bot.core.watching.watch import Watch
from bot.core.workflows.identity.authors import VersionAuthors
from bot.core.workflows.identity.store import WorkflowStore
from bot.core.workflows.identity.versions import WorkflowVersions
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.core.workflows.source import Layer
from bot.i18n import _
from bot.pulse import Pulse
from bot.settings import Role, Settings
from bot.stores import Stores, author_traces, database_as_it_is, opened, writing
from comfy.fleet import Fleet, Member
from comfy.object_info import ObjectInfo
from comfy.server import Server

_PREPARE_EVERY = 3.0  # seconds between two looks at what has changed of workflows and servers, at least
_LOOK_EVERY = 1.0  # seconds between two looks whether the original of what was restored is gone
_SWEEP_EVERY = 3600.0  # seconds


@asynccontextmanager
async def serving(
    settings: Settings, catalog: LiveCatalog, platforms: Mapping[str, Platform], role: Role, tasks: TaskHealth
) -> AsyncIterator[Services]:
    """Open all parts of one process, until the context is left. Raises `ConfigError`."""
    async with _opened(settings, catalog, platforms, role, tasks) as (base, policy, services), _working(base, policy):
        yield services


@asynccontextmanager
async def _opened(
    settings: Settings, catalog: LiveCatalog, platforms: Mapping[str, Platform], role: Role, tasks: TaskHealth
) -> AsyncIterator[tuple[Base, Policy, Services]]:
    """Open all parts that people ask."""
    async with AsyncExitStack() as stack:
        base = await stack.enter_async_context(_based(settings, catalog, platforms, role, tasks))
        await stack.enter_async_context(_traced(settings, role, tasks))
        store, registry = base.store, base.registry
        board = GroupBoard(base.replies, store.records, store.media, store.links, base.locks, tasks)
        estimator = start_estimator(base)
        if role.chat:
            await stack.enter_async_context(board)
            await stack.enter_async_context(_notifier(base, estimator))
        pings = store.records.pings
        if platforms:
            told = Pinger(pings, store.records.get, base.replies.brief, platforms, tasks)
            await stack.enter_async_context(told)
        validator = RequestValidator(base.versions, _known(base.fleet, registry), _limits(settings))
        prices = PriceEstimator(catalog, lambda: registry.known, lambda: registry.version)
        await stack.enter_async_context(_prepared(validator, prices, base))
        policy = await stack.enter_async_context(_policy(base, prices))
        saved = await stack.enter_async_context(_saved(base, policy))
        moderation = await stack.enter_async_context(_moderation(base, policy, validator, saved))
        presets, mask_links = PresetStore(store.database), _mask_links(base)
        workflows = WorkflowService(
            validator,
            policy.enforcer,
            store.queue,
            prices,
            policy.permissions,
            presets,
            lambda: registry.version,
            base.offer_changed,
            accounts=store.accounts,
        )
        runs = RunService(
            workflows,
            validator,
            store.queue,
            store.records,
            store.media,
            store.ledger,
            base.replies,
            policy.enforcer,
            policy.permissions,
            policy.audit,
            store.links,
            base.locks,
            prices,
            presets,
            store.accounts,
            mask_links,
            base.wake,
            base.cancel,
        )
        history = HistoryService(store.database, store.media, tasks, store.accounts)
        gallery = GalleryService(store.database, store.media, runs, store.accounts, tasks)
        if role.chat:
            await stack.enter_async_context(history)
            await stack.enter_async_context(gallery)
        watch = _watch(base)
        await stack.enter_async_context(_notices(base, watch))
        if role.worker is not None and not role.chat:
            await stack.enter_async_context(TroubleWriter(store.database, role.worker, watch.look, tasks))
        try:
            files, health = FileService(store.media), _health(base, runs, watch)
            groups = GroupService(runs, store.records, board)
            kept, wishes = (
                PresetService(presets, workflows, store.accounts),
                PingWishes(store.database, pings.look_again),
            )
            read = ReadbackService(workflows, runs, store.records)
            line = LineService(runs, workflows, store.queue, store.records, estimator, store.accounts)
            links = LinkService(store.accounts, store.ledger)
            masks = MaskService(mask_links, runs, base.replies, files, policy.audit)
            traces = author_traces(base.settings, store)
            own = (presets, policy.audit, store.accounts, traces)
            data = OwnDataService(store.database, store.media, store.links, *own)
            erasure = ErasureService(runs, store.records, presets, store.accounts, links, store.invitations, traces)
            recent = RecentEvents()
            if role.chat:
                stack.enter_context(recent.listening())
            rights = (policy.permissions, policy.audit, store.ledger)
            invitations = InvitationService(store.invitations, *rights, store.links.base)

            @cache
            def rooms() -> Rooms:
                from bot.rooms import furnish  # few come there, and it loads much

                saving = _sources(base.settings, "", base.fleet)
                told = (recent, _everywhere(base, watch), _libraries(base.fleet), saving)
                return furnish(base, policy, validator, moderation, runs, estimator, traces, *told)

            ways = (kept, wishes, read, line, gallery, links, data, erasure, masks, invitations, rooms)
            yield base, policy, Services(runs, history, moderation, workflows, files, health, groups, *ways)
        finally:
            runs.accepting = False


@asynccontextmanager
async def _working(base: Base, policy: Policy) -> AsyncIterator[None]:
    """Run what waits at the servers of this process, if it has any, and do the chores. Raises `ConfigError`."""
    async with AsyncExitStack() as stack:
        if base.role.worker is not None:
            await asyncio.to_thread(import_module, "bot.work")  # it loads much
            from bot.work import executing

            await stack.enter_async_context(executing(base, base.role.worker))
        for chore in (_swept(base, policy), _within_limits(base), _backed_up(base)):
            await stack.enter_async_context(chore)
        yield


@asynccontextmanager
async def _based(
    settings: Settings, catalog: LiveCatalog, platforms: Mapping[str, Platform], role: Role, tasks: TaskHealth
) -> AsyncIterator[Base]:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(settings))
        await stack.enter_async_context(Herald(store.database, tasks))
        await stack.enter_async_context(LinksFollower(store.accounts, store.database, tasks))
        await stack.enter_async_context(InvitationsFollower(store.invitations, store.database, tasks))
        with writing(settings.folder):
            name: HeldName = OwnName(store.database)
            if role.worker is not None:
                name = await stack.enter_async_context(held(store.database, settings.folder, role.worker))
            members = await stack.enter_async_context(_members(settings, role))
        workflows = WorkflowStore(store.database)
        await stack.enter_async_context(catalog.recorded_in(workflows))
        versions = WorkflowVersions(catalog, workflows)
        locks = RunLocks(store.database)
        replies = RunReplies(
            platforms,
            versions,
            store.records,
            Audit(store.database),
            accounts=store.accounts,
            has_page=bool(store.links.base),
        )
        changed = Listeners[[]]()
        fleet = await stack.enter_async_context(Fleet(members, changed))
        conditions = await _conditions(settings, role, store, fleet)
        registry = await stack.enter_async_context(
            ServerRegistry(store.database, role.worker, fleet, tasks, name, conditions=conditions)
        )
        changed.add(registry.note)
        registry.on_change.add(catalog.note_servers)
        await stack.enter_async_context(catalog.following(lambda: registry.known))
        known = (workflows, versions, locks, replies, fleet, conditions, registry, changed)
        base = Base(settings, role, tasks, platforms, catalog, store, *known)
        catalog.on_change(base.offer_changed)
        registry.on_change.add(base.offer_changed)
        yield base


async def _conditions(settings: Settings, role: Role, store: Stores, fleet: Fleet) -> ServerConditions:
    """Take the servers of this process up as their operator left them."""
    conditions = ServerConditions(fleet, [each.name for each in settings.servers if each.machine is not None])
    if role.worker is not None:
        for state in (await ServerStates(store.database).register(role.worker, fleet.members)).values():
            if state.drained:
                conditions.drain(state.name, wanted=True)
            if state.start is not None:
                conditions.learn(state.name, state.start)
    return conditions


@asynccontextmanager
async def _traced(settings: Settings, role: Role, tasks: TaskHealth) -> AsyncIterator[None]:
    """Send traces of runs, if the settings want that. Raises `ConfigError`."""
    if settings.otlp_url is None:
        yield
        return
    need("otel", _("DARKROOM_OTLP_URL is set, so traces of runs are to be sent."))
    await asyncio.to_thread(import_module, "bot.core.traces.otlp")  # it loads much
    from bot.core.traces.otlp import OtlpRecorder

    async with OtlpRecorder(settings.otlp_url.reveal(), role.worker or "chat", tasks) as recorder:
        with recorded_by(recorder):
            yield


@asynccontextmanager
async def _prepared(validator: RequestValidator, prices: PriceEstimator, base: Base) -> AsyncIterator[None]:
    """Meanwhile, work out what menus say of workflows before a person opens one."""
    task, news = BackgroundTask("menus", base.tasks), Bell()
    base.offer_changed.add(news.ring)

    async def prepare() -> None:
        await validator.prepare()
        await prices.prepare()

    if base.role.chat:
        task.repeat(prepare, _PREPARE_EVERY, until=news.wait)
    try:
        yield
    finally:
        await task.stop()


def _notifier(base: Base, estimator: EtaEstimator) -> QueueNotifier:
    store, farewell = base.store, base.role.worker is not None
    return QueueNotifier(
        store.queue,
        store.records,
        base.versions,
        base.replies,
        estimator.line,
        base.locks,
        base.tasks,
        farewell=farewell,
    )


@asynccontextmanager
async def _policy(base: Base, prices: PriceEstimator) -> AsyncIterator[Policy]:
    settings, audit, accounts = base.settings, Audit(base.store.database), base.store.accounts
    async with RuleStore(base.store.database, audit, base.tasks) as rules:
        rules.on_change(lambda _community: base.offer_changed())
        default = DefaultAccess.read(settings.default_workflows)
        enforcer = PolicyEnforcer(
            rules, audit, base.catalog, prices.is_paid, default, settings.operators, accounts=accounts
        )
        is_author = base.store.invitations.is_author
        yield Policy(rules, audit, enforcer, Permissions(audit, settings.operators, settings.trusted, is_author))


@asynccontextmanager
async def _saved(base: Base, policy: Policy) -> AsyncIterator[SavedWorkflows]:
    """Offer what people save at servers, and ask operators about it."""
    async with AsyncExitStack() as stack:
        store = SavedStore(base.store.database)
        shelf = SavedShelf(store, base.catalog)
        await base.catalog.offer_saved(shelf.files)
        if base.role.worker is not None:
            await stack.enter_async_context(_watched(base, base.role.worker, store, shelf))
        rights = (policy.audit, policy.permissions)
        saved = SavedWorkflows(store, base.workflows, shelf, *rights, base.platforms, base.locks, base.tasks)
        if base.role.chat:
            await stack.enter_async_context(saved)
        yield saved


@asynccontextmanager
async def _moderation(
    base: Base, policy: Policy, validator: RequestValidator, saved: SavedWorkflows
) -> AsyncIterator[ModerationService]:
    settings, store, replies, locks = base.settings, base.store, base.replies, base.locks
    audit, permissions, enforcer = policy.audit, policy.permissions, policy.enforcer
    async with AsyncExitStack() as stack:
        reviews = Reviews(store.records, store.media, replies, audit, permissions, locks, base.tasks, base.wake)
        reports = Reports(store.records, store.media, replies, audit, permissions, enforcer, locks, base.tasks)
        if base.role.chat:
            await stack.enter_async_context(reviews)
            await stack.enter_async_context(reports)
            work = (store.queue, store.records, base.versions, replies, locks, base.tasks)
            await stack.enter_async_context(Reevaluation(enforcer, audit, *work))
        folders = {Layer.ADDED: settings.added_workflows, Layer.FOLDER: settings.own_workflows}
        editor = WorkflowEditor(
            folders,
            base.catalog,
            validator,
            policy.rules,
            audit,
            permissions,
            settings.allowed_nodes,
            VersionAuthors(KeyValueStore(store.database)),
        )
        yield ModerationService(
            enforcer,
            audit,
            permissions,
            validator,
            store.queue,
            store.records,
            reviews,
            reports,
            editor,
            saved,
            TemplateAdder(editor, permissions, _libraries(base.fleet)),
            WorkflowProblems(validator, permissions, enforcer),
            DecisionPreview(RunFinder(store.database), store.queue, store.records, base.versions, base.catalog),
            PeopleOfPlaces(RunFinder(store.database), enforcer, permissions, base.catalog),
        )


def _health(base: Base, runs: RunService, watch: Watch) -> Health:
    probe = base.store.records.probe
    return Health(
        lambda: _up(base),
        lambda: _how(base),
        lambda: runs.accepting,
        base.tasks,
        probe,
        watch.look,
        watch.near,
        lambda: base.registry.has_others,
    )


def _up(base: Base) -> Mapping[str, bool]:
    return {name: each.up for name, each in base.registry.servers.items()}


def _how(base: Base) -> Mapping[str, Condition]:
    return {name: each.condition for name, each in base.registry.servers.items()}


def _watch(base: Base) -> Watch:
    """Make what looks at all that can be wrong."""
    is_alone = base.settings.database is None and base.role.worker is not None
    store = base.store
    starts = start_estimator(base)
    line = LineWatch(store.queue, starts, lambda: base.tasks.began("turns") if is_alone else None)
    return Watch(base.tasks, lambda: _how(base), line, base.settings.folder, lambda: base.catalog.faults)


def _notices(base: Base, watch: Watch) -> Notices:
    """Make what tells operators of it."""
    platforms = base.platforms if base.role.chat else {}
    name = base.role.worker or "chat"
    return Notices(name, _everywhere(base, watch), base.settings.notified, platforms, base.tasks)


def _everywhere(base: Base, watch: Watch) -> Callable[[], Coroutine[Any, Any, Sequence[Trouble]]]:
    """Make what looks at all that is wrong in this process, and in workers without a chat."""
    others = TroubleReader(base.store.database)

    async def look() -> Sequence[Trouble]:
        return [*await watch.look(), *await others.look()]

    return look


def _libraries(fleet: Fleet) -> Callable[[], Sequence[TemplateLibrary]]:
    libraries = {name: TemplateLibrary(fleet.client(name)) for name in fleet.members}
    return lambda: [library for name, library in libraries.items() if name in fleet.up]


@asynccontextmanager
async def _watched(base: Base, worker: str, store: SavedStore, shelf: SavedShelf) -> AsyncIterator[None]:
    """Look after what people save at the servers of this worker."""
    settings, fleet, registry = base.settings, base.fleet, base.registry
    sources = _sources(settings, worker, fleet)
    keys = {each.key: each.name for each in sources}

    def infos() -> Mapping[str, ObjectInfo]:
        known = fleet.known
        return {key: known[name] for key, name in keys.items() if name in known}

    def is_ours(source: SavingServer) -> bool:
        return source.local or registry.is_first(source.name)

    publisher = SavedPublisher(store, shelf, worker, infos, keys, settings.allowed_nodes)
    if settings.database is None:
        await publisher.keep(keys)
    async with SavedFilesWatcher(fleet, sources, settings.saved_folder, publisher, base.tasks, is_ours):
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
    settled: Callable[[], None] = lambda: None,
) -> None:
    """Work in this role until cancelled. `announce` gets a line for each platform that takes requests, or one for the
    worker; `settled` is called when all that a start loads is there. Raises `ConfigError`.
    """
    if await is_paused(kept := database_as_it_is(settings)):
        settled()
        announce(_("Paused: this was restored from a backup. Once the original is gone for good, run: darkroom resume"))
        async with Pulse(settings.pulse_file, tasks):
            while await is_paused(kept):  # noqa: ASYNC110 - another process says so
                await asyncio.sleep(_LOOK_EVERY)
    async with AsyncExitStack() as stack:
        for platform in platforms:
            await stack.enter_async_context(platform)
        named = {platform.name: platform for platform in platforms}
        base, policy, services = await stack.enter_async_context(_opened(settings, catalog, named, role, tasks))
        await stack.enter_async_context(Pulse(settings.pulse_file, tasks))
        events_log.process_started(role.chat, role.worker, tuple(named))
        if role.chat:
            ready = _Held(announce)
            tasks.on_connected.add(_once(lambda name: ready(_("Ready: {platform}").format(platform=name))))

            def begun() -> None:
                settled()
                ready.let_go()

            await together(*(_attended(each, services, tasks) for each in platforms), _work(base, policy, begun))
        else:
            settled()
            await _work(base, policy, lambda: announce(_("Ready: worker {name}").format(name=role.worker)))


async def _work(base: Base, policy: Policy, begun: Callable[[], None]) -> None:
    async with _working(base, policy):
        begun()
        await asyncio.Event().wait()


class _Held:
    """Announces nothing before the worker is there: until then a full disk may still end the process."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce, self._is_held, self._words = announce, True, list[str]()

    def __call__(self, words: str) -> None:
        if self._is_held:
            self._words.append(words)
        else:
            self._announce(words)

    def let_go(self) -> None:
        self._is_held = False
        for words in self._words:
            self._announce(words)


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
        except TokenRefused as fault:
            tasks.refused(platform.name, str(fault))
            tasks.disconnected(platform.name)
            raise
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
        with suppress(NotImplementedError):  # on Windows asyncio.run makes Ctrl-C cancel
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
    need_engine()
    from comfy.embedded import EmbeddedServer  # with NumPy, which a process with servers does without

    async with AsyncExitStack() as stack:
        await asyncio.to_thread(data_folder.clear_engine, settings.folder)
        folder = await asyncio.to_thread(stack.enter_context, locked_folder(settings.folder / "tmp"))
        engine = await stack.enter_async_context(EmbeddedServer(folder, pace=role.pace))
        yield [Member(_("built-in"), Server(engine.url, forgets=True))]


def _known(fleet: Fleet, registry: ServerRegistry) -> KnownNodes:
    async def known() -> Mapping[str, ObjectInfo]:
        await fleet.looked()
        return registry.known

    return known


def _limits(settings: Settings) -> PictureLimits:
    return PictureLimits(int(settings.max_upload_mb * 1e6), int(settings.max_megapixels * 1e6))


@asynccontextmanager
async def _swept(base: Base, policy: Policy) -> AsyncIterator[None]:
    chore = BackgroundTask("sweep", base.tasks)
    chore.repeat(partial(_sweep, base, policy), _SWEEP_EVERY)
    try:
        yield
    finally:
        await chore.stop()


@asynccontextmanager
async def _within_limits(base: Base) -> AsyncIterator[None]:
    """Keep files within limits of room, in the process that chats, if the settings want that."""
    settings = base.settings
    limits = [None if each is None else int(each * 1e9) for each in (settings.media_gb, settings.free_gb)]
    if not base.role.chat or limits == [None, None]:
        yield
        return
    from bot.core.backup.retention import Retention, RoomLimits

    async with Retention(base.store.records, base.store.media, RoomLimits(*limits), base.tasks):
        yield


@asynccontextmanager
async def _backed_up(base: Base) -> AsyncIterator[None]:
    """Make a backup each night, in the process that chats, if the settings want that."""
    settings = base.settings
    if not (base.role.chat and settings.backups_kept):
        yield
        return
    from bot.core.backup.nightly import NightlyBackups
    from bot.keeping import backup

    make = partial(backup, settings, media=settings.backup_media)
    async with NightlyBackups(settings.backups, settings.backups_kept, make, base.tasks):
        yield


def _mask_links(base: Base) -> MaskLinks:
    return MaskLinks(base.store.links, KeyValueStore(base.store.database))


async def _sweep(base: Base, policy: Policy) -> None:
    """Delete what is older than the settings keep it."""
    store, since = base.store, time.time() - base.settings.retention_days * 86_400
    sentence = _("No moderator looked at this in time. Please send the request again.")
    for run in await store.records.expire(since, sentence):
        await base.replies.show(run, Failed(sentence))
    while ids := await store.records.older_than(since):
        await delete_runs(ids, store.records, store.media)
    await policy.audit.sweep(since)
    await _mask_links(base).sweep()
    await store.queue.sweep()
    await store.accounts.sweep(policy.enforcer.blocked())
    await base.workflows.sweep(await store.records.versions_used())
    await delete_orphans(store.records, store.media)
    await store.records.scrub()
