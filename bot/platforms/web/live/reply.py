"""A run on the page: what there is to say goes to the hub. The result itself stands in the run's record."""

from __future__ import annotations

from bot.core import metrics
from bot.core.errors import DeliveryFailed, StorageFailed
from bot.core.model import Delivering, Result, RunSummary, Status
from bot.core.port import Limits
from bot.platforms.web.live.cross_process import CrossProcessRelay
from bot.platforms.web.live.hub import Hub

_UNLIMITED = 1 << 62
_INTERVAL, _FAR = 0.2, 1.0  # seconds between two looks at a run's progress, here and in another process


class WebReply:
    """Works without an open page: a page that opens later reads the record."""

    limits = Limits(_UNLIMITED, _UNLIMITED, _UNLIMITED, _INTERVAL, sends=False)

    def __init__(self, hub: Hub, visitor: str, brief: RunSummary) -> None:
        self._hub, self._visitor, self._brief = hub, visitor, brief

    async def show(self, status: Status) -> None:
        metrics.edited("web")
        self._hub.say(self._visitor, self._brief.run_id, status)

    async def deliver(self, result: Result) -> None:
        metrics.edited("web")
        self._hub.say(self._visitor, result.run_id, Delivering())


class FarReply:
    """The same from a process that has no page."""

    limits = Limits(_UNLIMITED, _UNLIMITED, _UNLIMITED, _FAR, sends=False)

    def __init__(self, wire: CrossProcessRelay, visitor: str, brief: RunSummary) -> None:
        self._wire, self._visitor, self._brief = wire, visitor, brief

    async def show(self, status: Status) -> None:
        metrics.edited("web")
        try:
            await self._wire.say(self._visitor, self._brief.run_id, status)
        except StorageFailed as fault:
            raise DeliveryFailed(str(fault)) from fault

    async def deliver(self, result: Result) -> None:
        await self.show(Delivering())
