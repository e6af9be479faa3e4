"""A run on the page: what there is to say goes to the hub. The result itself stands in the run's record."""

from __future__ import annotations

from bot.core import meters
from bot.core.chat import Brief, Delivering, Limits, Result, Status
from bot.platforms.web.hub import Hub

_UNLIMITED = 1 << 62
_INTERVAL = 0.2  # seconds between two looks at a run's progress


class WebReply:
    """Needs nobody to be looking: a page that is opened later reads the record."""

    limits = Limits(_UNLIMITED, _UNLIMITED, _UNLIMITED, _INTERVAL)

    def __init__(self, hub: Hub, visitor: str, brief: Brief) -> None:
        self._hub, self._visitor, self._brief = hub, visitor, brief

    async def show(self, status: Status) -> None:
        meters.edited("web")
        self._hub.say(self._visitor, self._brief.run_id, status)

    async def deliver(self, result: Result) -> None:
        meters.edited("web")
        self._hub.say(self._visitor, result.run_id, Delivering())
