"""Fleet: several ComfyUI servers, which of them are up, and what each of them has.

Each server has a watcher of its own that asks it now and then, sooner after trouble, and with a pause that grows while
it stays away. A server that comes back is used again, and asked anew what it has.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType

from comfy.client import ComfyClient
from comfy.errors import ComfyError
from comfy.object_info import ObjectInfo
from comfy.server import Server

_log = logging.getLogger(__name__)
_CALM = 30.0  # seconds between two looks at a server that is up
_FIRST, _LONGEST = 0.25, 15.0  # seconds between two looks at one that is down
_STALE = 2  # looks, after which a server is asked anew for its nodes and models


@dataclass(frozen=True)
class Member:
    """A server of the fleet: its name, where it is, and how many prompts it is given at once."""

    name: str
    server: Server
    at_once: int = 1


class Fleet:
    """Use it in `async with`; `changed` is called whenever a server went, came back, or has other nodes or models."""

    def __init__(self, members: Sequence[Member], changed: Callable[[], None] = lambda: None) -> None:
        self.members = {member.name: member for member in members}
        self.version = 0  #: grows with every change
        self._changed = changed
        self._clients: dict[str, ComfyClient] = {}
        self._infos: dict[str, ObjectInfo] = {}
        self._up: set[str] = set()
        self._doubts = {name: asyncio.Event() for name in self.members}
        self._looked = {name: asyncio.Event() for name in self.members}
        self._watchers: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Fleet:
        for name, member in self.members.items():
            self._clients[name] = await self._stack.enter_async_context(ComfyClient(member.server))
        self._watchers = [asyncio.create_task(self._watch(name), name=f"watch {name}") for name in self.members]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        await self._stack.aclose()

    @property
    def up(self) -> frozenset[str]:
        """The names of the servers that can be reached."""
        return frozenset(self._up)

    @property
    def known(self) -> Mapping[str, ObjectInfo]:
        """What each server has, as it was last seen: also of one that is away just now."""
        return dict(self._infos)

    def client(self, name: str) -> ComfyClient:
        return self._clients[name]

    def doubt(self, name: str) -> None:
        """Say that a server gave trouble: it is not used until it has answered again."""
        self._set(name, up=False)
        self._doubts[name].set()

    async def looked(self) -> None:
        """Wait until every server has been asked once, whether it answered or not."""
        for event in self._looked.values():
            await event.wait()

    async def _watch(self, name: str) -> None:
        looks, pause = 0, _FIRST
        while True:
            self._doubts[name].clear()
            if await self._look(name, refresh=looks % _STALE == 0):
                looks, pause, wait = looks + 1, _FIRST, _CALM
            else:
                looks, pause, wait = 0, min(pause * 2, _LONGEST), pause
            self._looked[name].set()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait * random.uniform(0.8, 1.2)):  # noqa: S311 - so that not all ask at once
                    await self._doubts[name].wait()

    async def _look(self, name: str, *, refresh: bool) -> bool:
        client = self._clients[name]
        try:
            await client.system_stats()
            if refresh or name not in self._up:
                self._note(name, await client.object_info(refresh=True))
        except ComfyError as fault:
            _log.info("server %s: %s", name, fault)
            self._set(name, up=False)
            return False
        self._set(name, up=True)
        return True

    def _note(self, name: str, info: ObjectInfo) -> None:
        """Keep what a server has; others hear of it where that is news."""
        known = self._infos.get(name)
        if known is None or not info.is_same(known):
            self._infos[name] = info
            self.version += 1
            self._changed()

    def _set(self, name: str, *, up: bool) -> None:
        if (name in self._up) is up:
            return
        (self._up.add if up else self._up.discard)(name)
        self.version += 1
        self._changed()
