"""Floor: who may speak about a run just now, so that what is older is never said after what is newer."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Floor:
    """Whoever says something that may be outdated takes the floor first, and looks again; within one process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, run_id: str) -> asyncio.Lock:
        return self._locks.setdefault(run_id, asyncio.Lock())

    async def taken(self, run_id: str) -> None:
        """Wait until nobody is still speaking of how a run waited."""
        async with self.of(run_id):
            return
