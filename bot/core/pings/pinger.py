"""Tell people that their requests have ended, on the platforms of this process: each once, also after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType

from bot.core.background import BackgroundTask, TaskHealth, until_set
from bot.core.errors import DeliveryFailed, NotNow, PlatformAway
from bot.core.model import RunSummary
from bot.core.pings.outbox import DuePing, PingOutbox
from bot.core.port import Ping, PingSender, Replier
from bot.core.run import RunRecord, State
from bot.core.status_text import seconds
from bot.i18n import _

_log = logging.getLogger(__name__)
_AFTER = 1.0  # seconds in which the message of a run comes to show its end
_NET = 120.0  # seconds after which it looks for what processes have left that ended
_AWAY = 15.0  # seconds before a platform that was away is tried again


class Pinger:
    """Use it in `async with`. A platform that can tell people is a `PingSender`; on the others no one is told."""

    def __init__(
        self,
        outbox: PingOutbox,
        get: Callable[[str], Awaitable[RunRecord | None]],
        brief: Callable[[RunRecord], RunSummary],
        platforms: Mapping[str, Replier],
        tasks: TaskHealth,
    ) -> None:
        """`get` reads a run, and `brief` summarizes it for its message."""
        self._outbox, self._get, self._brief, self._platforms = outbox, get, brief, platforms
        self._news = asyncio.Event()
        self._task = BackgroundTask("pings", tasks)

    async def __aenter__(self) -> Pinger:
        self._outbox.on_news = self._news.set
        self._task.repeat(self._work, until=self._wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._task.stop()

    async def _wait(self) -> None:
        if await until_set(self._news, _NET):
            await asyncio.sleep(_AFTER)

    async def _work(self) -> None:
        self._news.clear()
        later = False
        for ping in await self._outbox.due():
            run = await self._get(ping.run_id)
            if run is None:
                await self._outbox.drop([ping.run_id])
            elif run.address.platform in self._platforms and await self._outbox.take(ping):
                later |= not await self._tell(ping, run)
        if later:
            asyncio.get_running_loop().call_later(_AWAY, self._news.set)

    async def _tell(self, ping: DuePing, run: RunRecord) -> bool:
        """Tell a person; False if that is to be tried again."""
        platform = self._platforms[run.address.platform]
        if isinstance(platform, PingSender) and (platform.pings_once or not ping.again):
            try:
                brief = self._brief(run)
                await platform.ping(run.address, brief, Ping(_words(run, brief), ping.direct, run.group_id))
            except (PlatformAway, NotNow) as fault:
                _log.info("run %s: its person is told later: %s", run.id, fault)
                await self._outbox.leave(ping)
                return False
            except DeliveryFailed as fault:
                _log.info("run %s: its person could not be told: %s", run.id, fault)
        await self._outbox.drop([ping.run_id])
        return True


def _words(run: RunRecord, brief: RunSummary) -> str:
    """Say that a run has ended. It has nothing of what its person wrote."""
    done = _("“{title}” is done, after {time}.") if run.state is State.DONE else _("“{title}” ended without a result.")
    time = seconds((run.ended_at or run.asked_at) - run.asked_at)
    return done.format(title=brief.title, time=time)
