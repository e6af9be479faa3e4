"""The order in which a server gets its runs: that in which they were taken, however long each takes to prepare."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class SendingOrder:
    """The runs of one worker that were taken for a server, and that it was not sent yet."""

    def __init__(self) -> None:
        self._unsent: defaultdict[str, list[SendingPlace]] = defaultdict(list)

    def enter(self, server: str) -> SendingPlace:
        """Return the place of a run that was taken just now."""
        place = SendingPlace(self._unsent[server])
        self._unsent[server].append(place)
        return place


class SendingPlace:
    """The place of one run. It has left as soon as the run was sent, or will not be."""

    def __init__(self, unsent: list[SendingPlace]) -> None:
        self._unsent, self._before = unsent, tuple(unsent)
        self.left = asyncio.Event()

    async def wait(self) -> None:
        """Wait until those that were taken before have left."""
        for place in self._before:
            await place.left.wait()
        self._before = ()

    def leave(self) -> None:
        if not self.left.is_set():
            self.left.set()
            self._unsent.remove(self)
