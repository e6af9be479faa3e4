"""Telegram as a platform: opened for replies in every process, and served from one."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from types import TracebackType

from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from bot.core.errors import ConfigError, DeliveryFailed
from bot.core.model import Address, GroupSummary, Result, RunSummary
from bot.core.platform import BackgroundTask, KeyValueStore, Services, TaskHealth, aligned
from bot.core.port import BotAccount, Ping, TokenRefused, WorkflowQuestion
from bot.i18n import _
from bot.platforms.telegram import storage_keys
from bot.platforms.telegram.access import ChatAccess
from bot.platforms.telegram.api.client import Gone, TelegramApi, Unsuitable, connect, disconnect
from bot.platforms.telegram.api.polling import poll
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.api.update_queue import UpdateQueue
from bot.platforms.telegram.api.webhook import Hook, listen, secret_of, try_to_listen
from bot.platforms.telegram.beside import opened_beside
from bot.platforms.telegram.caller import Responder
from bot.platforms.telegram.chats import NAME, Chat
from bot.platforms.telegram.dispatcher import Dispatcher
from bot.platforms.telegram.moderation import saved
from bot.platforms.telegram.moderation.review_request import ask, ask_about_report
from bot.platforms.telegram.pings import send_ping
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.bot_commands import BotCommands
from bot.platforms.telegram.runs.chat_action import ChatActions
from bot.platforms.telegram.runs.erasing import MessageEraser
from bot.platforms.telegram.runs.group import TelegramGroup
from bot.platforms.telegram.runs.message_state import MessageStates
from bot.platforms.telegram.runs.reply import ReplyContext, TelegramReply
from bot.platforms.telegram.runs.untold import UntoldEnds
from bot.settings import Settings

_log = logging.getLogger(__name__)
_UNKNOWN = _("TELEGRAM_TOKEN: Telegram does not know this token; @BotFather has it.")
_SWEEP_EVERY = 3600.0  # seconds
_SHOW_EVERY = 60.0  # seconds between two tries to show ends that Telegram did not take
_EXPIRE_EVERY = 60.0  # seconds between two looks for questions without an answer
_LOOK_EVERY, _LONGEST_LOOK = 3.0, 300.0  # seconds between two looks at whether other workflows can run


async def examine(settings: Settings, *, listens: bool) -> None:
    """Raise `ConfigError` if the webhook, where there is one, cannot get its port."""
    if listens and settings.telegram_webhook_url is not None:
        await try_to_listen(settings.telegram_webhook_host, settings.telegram_webhook_port)


class TelegramPlatform:
    """See `bot.core.platform.Platform`. `notes` are shared by all processes."""

    name = NAME

    def __init__(self, settings: Settings, notes: KeyValueStore, tasks: TaskHealth) -> None:
        if settings.telegram_token is None:
            raise ConfigError(_("TELEGRAM_TOKEN is not set."))
        self._token = settings.telegram_token.reveal()
        self._settings, self._notes, self._tasks = settings, notes, tasks
        self._stack = AsyncExitStack()
        self._greeted = False

    async def __aenter__(self) -> TelegramPlatform:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._notes)
            settings, local = self._settings, self._settings.telegram_local
            bot = connect(self._token, settings.telegram_api_url, local=local)
            stack.push_async_callback(disconnect, bot)
            self._api = TelegramApi(bot, RateLimiter(), local=local, on_migrated=self._migrated)
            busy = ChatActions(self._api)
            self._context = ReplyContext(self._api, self._notes, MessageStates(), busy, settings.telegram_previews)
            actions = BackgroundTask("telegram chat actions", self._tasks)
            actions.start(busy.work)
            stack.push_async_callback(actions.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def reply(self, address: Address, brief: RunSummary) -> TelegramReply:
        """See `Platform.reply`."""
        return TelegramReply(self._context, address, brief)

    def group(self, address: Address, group: GroupSummary) -> TelegramGroup:
        """See `GroupDrawer.group`."""
        return TelegramGroup(self._context, address, group)

    def posts_beside(self, address: Address) -> bool:
        """See `RunPoster.posts_beside`."""
        return address.platform == NAME

    def opened(self, brief: RunSummary, beside: Address) -> AbstractAsyncContextManager[Address]:
        """See `RunPoster.opened`."""
        return opened_beside(self._api, self._notes, brief, beside)

    pings_once = False  #: Telegram cannot say whether it has sent a message

    async def ping(self, address: Address, brief: RunSummary, ping: Ping) -> None:
        """See `PingSender.ping`."""
        await send_ping(self._context, address, brief, ping)

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        """See `Reviewing.ask`: in the chat that moderators have named; `/moderate held` lists what waits besides."""
        if channel:
            await ask(self._api, Chat.read(channel), brief, result)

    async def ask_about_report(self, brief: RunSummary, result: Result, channel: str) -> None:
        """See `ReportAsker.ask_about_report`."""
        await ask_about_report(self._api, Chat.read(channel), brief, result)

    async def remove(self, address: Address, brief: RunSummary) -> None:
        """See `ResultRemover.remove`: an edit leaves the picture where it is."""
        eraser = MessageEraser(self._api, self._notes)
        chat = Chat.read(address.chat)
        if brief.group:
            stay = await eraser.erase_cells(chat, brief.person, brief.group, [brief.run_id])
        else:
            stay = await eraser.erase_run(chat, int(address.message), brief.person, brief.run_id)
        if stay:
            words = _("Telegram does not let me delete {count} messages of run {run}.")
            raise DeliveryFailed(words.format(count=len(stay), run=brief.run_id))

    async def ask_operator(self, person: str, question: WorkflowQuestion) -> None:
        """See `OperatorAsker.ask_operator`: in the chat with them alone."""
        await saved.ask(self._api, person, question)

    async def tell(self, person: str, text: str) -> None:
        """See `OperatorTeller.tell`: in the chat with them alone."""
        try:
            await self._api.send(Chat(int(person)), captions.lines(text, captions.TEXT))
        except (Gone, Unsuitable, ValueError) as fault:
            raise DeliveryFailed(str(fault)) from fault

    async def serve(self, services: Services) -> None:
        """See `Platform.serve`. Raises `ConfigError` where Telegram does not know the token."""
        bot = self._api.bot
        try:
            me = await bot.get_me()
        except InvalidToken as fault:
            if self._greeted:
                raise TokenRefused(_("TELEGRAM_TOKEN: Telegram no longer takes this token. Set a new one.")) from fault
            raise ConfigError(_UNKNOWN) from fault
        self._greeted = True
        _log.info("Telegram knows this bot as @%s", me.username)
        access = ChatAccess(self._settings.telegram_allowed, self._api, self._notes, services.moderation.admitted)
        responder = Responder(services, self._api, self._notes, access, me)
        inbox = UpdateQueue(self._notes, self._api.last)
        for update in await inbox.resume(bot):
            await responder.end_unkept(update)
        self._tasks.connected(NAME)
        menu, hook = BackgroundTask("telegram commands", self._tasks), self._hook()
        menu.start(lambda: _keep_published(BotCommands(responder), services))
        chore, ends = BackgroundTask("telegram notes", self._tasks), BackgroundTask("telegram ends", self._tasks)
        chore.repeat(partial(inbox.sweep, self._settings.retention_days * 86_400), _SWEEP_EVERY)
        untold = UntoldEnds(self._notes, services.runs)
        ends.repeat(untold.show, _SHOW_EVERY)
        reception, questions = Dispatcher(responder, inbox, untold), BackgroundTask("telegram questions", self._tasks)
        questions.repeat(reception.expire, _EXPIRE_EVERY)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(reception.work(), name="telegram reception")
                updates = listen(bot, inbox, hook) if hook else poll(bot, inbox, self._tasks)
                tasks.create_task(updates, name="telegram updates")
        finally:
            await menu.stop()
            await chore.stop()
            await ends.stop()
            await questions.stop()

    def _hook(self) -> Hook | None:
        """The webhook that Telegram calls; None to poll instead."""
        settings = self._settings
        if settings.telegram_webhook_url is None:
            return None
        own = settings.telegram_webhook_secret
        secret = own.reveal() if own else secret_of(self._token)
        return Hook(
            settings.telegram_webhook_url, secret, settings.telegram_webhook_host, settings.telegram_webhook_port
        )

    async def _migrated(self, old: int, new: int) -> None:
        await self._notes.put(storage_keys.migrated(new), old)


async def introduce(settings: Settings) -> str:
    """The bot's name at Telegram, and what it still lacks. Raises `ConfigError`."""
    found = await account(settings)
    return " ".join([_("Telegram: good, as @{name}.").format(name=found.name), *found.lacks])


async def account(settings: Settings) -> BotAccount:
    """The bot that the token is for. Raises `ConfigError`."""
    if settings.telegram_token is None:
        raise ConfigError(_("TELEGRAM_TOKEN is not set."))
    bot = connect(settings.telegram_token.reveal(), settings.telegram_api_url, local=settings.telegram_local)
    try:
        me = await bot.get_me()
        unheard = [person for person in settings.notified_on(NAME) if not await _hears(bot, person)]
    except InvalidToken as fault:
        raise ConfigError(_UNKNOWN) from fault
    except TelegramError as fault:
        raise ConfigError(
            _("Telegram cannot be reached. Check the network of this computer. ({reason})").format(reason=fault)
        ) from fault
    finally:
        await disconnect(bot)
    told = []
    if not settings.telegram_allowed and not settings.operators:
        told.append(_("It does not serve anyone yet: write the people or chats that may use it into TELEGRAM_ALLOWED."))
    if not me.can_join_groups:
        told.append(_("It cannot be put into groups until @BotFather is told /setjoingroups."))
    words = _("It cannot write to telegram:{person}, who is to hear what is wrong: they must open a chat with the bot.")
    lacks = (*told, *(words.format(person=person) for person in unheard))
    return BotAccount(str(me.username), f"https://t.me/{me.username}", lacks)


async def _hears(bot: Bot, person: str) -> bool:
    try:
        await bot.send_chat_action(int(person), ChatAction.TYPING)  # it leaves nothing there
    except (BadRequest, Forbidden, ValueError):
        return False
    return True


async def _keep_published(menu: BotCommands, services: Services) -> None:
    """Set the commands again whenever other workflows can run, and until Telegram has taken them."""
    version, pause, changes = None, _LOOK_EVERY, asyncio.Event()
    with services.workflows.telling(changes.set):
        while True:
            changes.clear()
            now = services.workflows.version
            if version != now:
                taken = await menu.publish()
                version, pause = (now, _LOOK_EVERY) if taken else (None, min(pause * 2, _LONGEST_LOOK))
            await asyncio.sleep(aligned(pause, time.monotonic()))
            if version is not None:
                await changes.wait()
