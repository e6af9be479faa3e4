"""The wire to Telegram: every request in its turn, and each of Telegram's refusals told apart."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import httpx
from telegram import Bot, InlineKeyboardMarkup, Message, ReplyParameters
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from bot.core import metrics
from bot.core.errors import DeliveryFailed, PlatformAway
from bot.core.platform import Pauses, retry
from bot.i18n import _
from bot.platforms.proxy import proxy_for
from bot.platforms.telegram.api.last_messages import LastMessages
from bot.platforms.telegram.api.rate_limit import RateLimiter
from bot.platforms.telegram.chats import Chat

_log = logging.getLogger(__name__)
_PAUSES = Pauses(1.0, 30.0, times=8)  # before a request is repeated while the network is down
_FETCH_PAUSES = Pauses(1.0, 30.0, times=6)  # before a file that people sent is asked for again
_PIECES = 16  # pieces of a request, of 64 KB, that are read at once
_Answer = TypeVar("_Answer")
Ask = Callable[[int], Awaitable[_Answer]]


class Unchanged(Exception):
    """The message shows this already."""


class Gone(Exception):
    """The message no longer exists, or is too old to be edited."""


class Unsuitable(Exception):
    """Telegram does not take this content; the text is its own."""


class Unconfirmed(Exception):
    """The whole request went out, and Telegram has not said whether it did it."""


@dataclass(frozen=True)
class Patience:
    """Time limits for sending a request, and for its answer: seconds, and bytes per second beyond them."""

    outward: float = 30.0
    outward_speed: float = 100_000.0
    answer: float = 20.0
    answer_speed: float = 500_000.0

    def of(self, size: int) -> dict[str, Any]:
        """The time limits of an upload, as a bot's methods take them."""
        outward, answer = self.outward + size / self.outward_speed, self.answer + size / self.answer_speed
        return {"write_timeout": outward, "read_timeout": answer}


class TelegramApi:
    """A bot, asked in turn. It needs no greeting first, so that opening it sends nothing."""

    def __init__(
        self,
        bot: Bot,
        pace: RateLimiter,
        *,
        local: bool = False,
        patience: Patience = Patience(),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_migrated: Callable[[int, int], Awaitable[None]] | None = None,
    ) -> None:
        """`local`: the server reads our files itself. `on_migrated` hears the old id and the new one of a group."""
        self.bot, self.pace, self.local, self.patience = bot, pace, local, patience
        self._sleep, self._on_migrated = sleep, on_migrated
        self._moved: dict[int, int] = {}
        self.last = LastMessages()

    async def ask(
        self,
        chat: Chat,
        work: Ask[_Answer],
        *,
        message: int | None = None,
        cost: int = 1,
        result: bool = False,
        once: bool = False,
    ) -> _Answer:
        """Have a request answered, however long its turn takes to come; `message` is the one that it edits, and
        `result` says that it brings a result that a person waits for. A request sent `once` is not repeated if it may
        have been done.

        Raises `Unchanged`, `Gone`, `Unsuitable` and `DeliveryFailed`; `PlatformAway` if Telegram does not answer for
        two minutes; and `Unconfirmed` if it is sent `once`.
        """
        pauses = iter(_PAUSES)
        while True:
            number = self._moved.get(chat.id, chat.id)
            async with self.pace.turn(number, message, cost=cost, result=result):
                try:
                    answer = await work(number)
                    self.last.see(answer)
                    metrics.edited("telegram")
                    return answer
                except TelegramError as fault:
                    if once and _may_be_done(fault):
                        _log.warning("Telegram has not said whether it took what was sent to %s: %s", number, fault)
                        raise Unconfirmed(_reason(fault)) from fault
                    again = await self._again_after(fault, number, pauses)
            await self._sleep(again)

    async def offer(self, chat: Chat, work: Ask[Any], *, message: int | None = None, patience: float = 0.0) -> bool:
        """Have a request answered if its turn comes soon; false where it did not, or Telegram was not to be had."""
        number = self._moved.get(chat.id, chat.id)
        async with self.pace.turn(number, message, patience=patience) as granted:
            if not granted:
                return False
            try:
                await work(number)
            except TelegramError as fault:
                await self._again_after(fault, number, iter(_PAUSES))
                return False
            if message is not None:
                metrics.edited("telegram")
            return True

    def has_migrated(self, chat: Chat) -> bool:
        """True if a group has become a supergroup since: its messages have other ids there."""
        return chat.id in self._moved

    def room(self, chat: Chat, message: int) -> float | None:
        """Seconds until a chat has room for what was offered of a message in vain; None where it is not the chat's."""
        return self.pace.room(self._moved.get(chat.id, chat.id), message)

    async def send(
        self,
        chat: Chat,
        text: str,
        keyboard: InlineKeyboardMarkup | None = None,
        *,
        reply_to: int | None = None,
    ) -> Message:
        """Send a text, as HTML. Raises as `ask` does."""
        return await self.ask(
            chat,
            lambda number: self.bot.send_message(
                number,
                text,
                parse_mode=ParseMode.HTML,
                message_thread_id=chat.topic,
                reply_markup=keyboard,
                reply_parameters=replying(reply_to),
            ),
        )

    async def fetch(self, file_id: str, path: Path) -> None:
        """Download a file. While Telegram is away or wants a pause, it is asked again, for a minute. Raises
        `TelegramError`.
        """

        async def work() -> None:
            await (await self.bot.get_file(file_id)).download_to_drive(path)

        passing = (NetworkError, RetryAfter)
        await retry(work, passing, _FETCH_PAUSES, "a file waits at Telegram", _wished, self._sleep)

    async def hint(self, chat: Chat, action: ChatAction) -> None:
        """Say what is being done, if there is room for it: a group counts it among its messages."""

        async def say(number: int) -> None:
            await self.bot.send_chat_action(number, action, message_thread_id=chat.topic)

        if not chat.is_private:
            await self.offer(chat, say)
            return
        try:
            await say(chat.id)
        except RetryAfter as fault:
            metrics.rate_limited("telegram")
            self.pace.hold(chat.id, _seconds(fault))
        except TelegramError as fault:
            _log.debug("no chat action: %s", fault)

    async def _again_after(self, fault: TelegramError, chat: int, pauses: Iterator[float]) -> float:
        """The seconds after which a request is worth repeating; else raise what its failure means."""
        match fault:
            case RetryAfter():
                metrics.rate_limited("telegram")
                _log.info("Telegram wants a pause of %s in chat %s", fault.retry_after, chat)
                self.pace.hold(chat, _seconds(fault))
                return 0.0
            case ChatMigrated():
                await self._migrate(chat, fault.new_chat_id)
                return 0.0
            case Forbidden():
                raise DeliveryFailed(_("I can no longer write in this chat.")) from fault
            case BadRequest():
                raise refusal(fault.message) from fault
            case NetworkError() if "too large" in fault.message.lower():
                raise Unsuitable(_("The file is too large.")) from fault
            case NetworkError():
                pause = next(pauses, None)
                if pause is not None:
                    return pause
        words = _("Telegram does not answer: {reason}")
        raise PlatformAway(words.format(reason=_reason(fault))) from fault

    async def _migrate(self, old: int, new: int) -> None:
        self._moved[old] = new
        if self._on_migrated is not None:
            await self._on_migrated(old, new)


def connect(token: str, api: str, *, local: bool = False) -> Bot:
    """A bot that is ready to be asked, at a Bot API server. Close it with `disconnect`."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")  # or each flood limit is a warning of python-telegram-bot's
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)  # they write the token into their logs
    proxy = proxy_for(api)
    return Bot(
        token,
        base_url=f"{api}/bot",
        base_file_url=f"{api}/file/bot",
        request=HTTPXRequest(
            connection_pool_size=64,
            read_timeout=20,
            pool_timeout=30,
            media_write_timeout=120,
            proxy=proxy,
            httpx_kwargs={"event_hooks": {"request": [_read_in_threads]}, "trust_env": False},
        ),
        get_updates_request=HTTPXRequest(
            connection_pool_size=2, read_timeout=10, proxy=proxy, httpx_kwargs={"trust_env": False}
        ),
        local_mode=local,
    )


async def _read_in_threads(request: httpx.Request) -> None:
    """Have the files of a request read outside the event loop: httpx reads them in it."""
    if isinstance(request.stream, httpx.SyncByteStream) and "multipart" in request.headers.get("Content-Type", ""):
        request.stream = _ThreadedStream(request.stream)


class _ThreadedStream(httpx.AsyncByteStream):
    """A request's body, read in threads, about a megabyte at a time."""

    def __init__(self, body: Iterable[bytes]) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self._body)
        while piece := await asyncio.to_thread(lambda: b"".join(islice(pieces, _PIECES))):
            yield piece


async def disconnect(bot: Bot) -> None:
    for request in bot._request:  # noqa: SLF001 - Bot.shutdown does nothing for a bot that was never greeted
        await request.shutdown()


def replying(message: int | None) -> ReplyParameters | None:
    """A reply to a message, which may have been deleted meanwhile."""
    return None if message is None else ReplyParameters(message, allow_sending_without_reply=True)


def refusal(text: str) -> Exception:
    """Turn a refusal by Telegram into an exception."""
    low = text.lower()
    if "not modified" in low:
        return Unchanged(text)
    if "message to edit not found" in low or "can't be edited" in low or "message_id_invalid" in low:
        return Gone(text)
    if "not enough rights" in low or "chat not found" in low or "kicked" in low or "chat_write_forbidden" in low:
        return DeliveryFailed(_("I can no longer write in this chat."))
    return Unsuitable(text)


def _may_be_done(fault: TelegramError) -> bool:
    """True if the request went out, and only its answer is missing."""
    return isinstance(fault.__cause__, httpx.ReadTimeout | httpx.ReadError | httpx.RemoteProtocolError)


def _wished(fault: TelegramError) -> float:
    """The seconds that Telegram wants to be left alone for. Raises what will not pass."""
    if isinstance(fault, BadRequest):
        raise fault
    return _seconds(fault) if isinstance(fault, RetryAfter) else 0.0


def _seconds(fault: RetryAfter) -> float:
    after = fault.retry_after
    return float(after if isinstance(after, int) else after.total_seconds())


def _reason(fault: TelegramError) -> str:
    return _("it takes too long") if isinstance(fault, TimedOut) else fault.message
