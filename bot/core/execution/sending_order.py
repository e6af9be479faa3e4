"""The order in which a server gets runs: one that is ahead comes after those that were taken before it, however long
each takes to prepare.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict


class SendingOrder:
    """The runs that one worker has taken for its servers and has not sent to them yet."""

    def __init__(self) -> None:
        self._unsent: defaultdict[str, list[SendingPlace]] = defaultdict(list)

    def enter(self, server: str) -> SendingPlace:
        """Return the place of a run that was taken just now."""
        place = SendingPlace(self._unsent[server])
        self._unsent[server].append(place)
        return place


class SendingPlace:
    """The place of one run. The run leaves it once it was sent, or once it is known that it will not be sent."""

    def __init__(self, unsent: list[SendingPlace]) -> None:
        self._unsent = unsent
        self._news, self._is_called_back = asyncio.Event(), False

    async def wait(self) -> bool:
        """Wait until the runs taken before have left. False if this run was called back, and is not to be sent."""
        while not self._is_called_back and self in self._unsent and self._unsent[0] is not self:
            self._news.clear()
            await self._news.wait()
        return not self._is_called_back

    def call_back(self) -> None:
        """End the wait of this run, which will not be sent."""
        self._is_called_back = True
        self._news.set()

    def leave(self) -> None:
        """Let the next run be sent. A second call does nothing."""
        if self in self._unsent:
            self._unsent.remove(self)
            for place in self._unsent:
                place._news.set()  # noqa: SLF001
