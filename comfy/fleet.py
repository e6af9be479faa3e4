"""Several ComfyUI servers: which are up, and which nodes and models each one has.

A watcher checks each server regularly, sooner after an error, and with growing pauses while it is down. A server that
comes back is used again, after its nodes and models are read again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from comfy.client import ComfyClient
from comfy.errors import ComfyError
from comfy.object_info import ObjectInfo
from comfy.server import Server

_log = logging.getLogger(__name__)
_CALM = 60.0  # seconds between two checks of a server that is up
_STALE = 15.0  # seconds after which a check reads a server's nodes and models again
_FIRST, _LONGEST = 0.25, 15.0  # seconds between two checks of a server that is down


@dataclass(frozen=True)
class Member:
    """A server of the fleet: its name, its settings, and the number of prompts that it gets at once."""

    name: str
    server: Server
    at_once: int = 1


class Fleet:
    """Use it in `async with`. `changed` is called when a server goes down, comes back, or has other nodes or models."""

    def __init__(self, members: Sequence[Member], changed: Callable[[], None] = lambda: None) -> None:
        self.members = {member.name: member for member in members}
        self.version = 0  #: grows with every change
        self._changed = changed
        self._clients: dict[str, ComfyClient] = {}
        self._infos: dict[str, ObjectInfo] = {}
        self.up = frozenset[str]()  #: the names of the servers that can be reached
        self.down = frozenset[str]()  #: the names of those that did not answer when they were asked last
        self.shared = frozenset[str]()  #: the names of those with prompts of others in their queues
        self.reachable = frozenset[str]()  #: the names of those that answered when they were asked last, used or not
        self._doubts = {name: asyncio.Event() for name in self.members}
        self._rests: dict[str, float] = {}  # until when a server is not used
        self._held: dict[str, frozenset[str]] = {}  # why servers are not used, until they are released
        self._read: dict[str, float] = {}  # when a server's nodes and models were read
        self._lost_now = set[str]()  # whose websockets closed within the last second
        self._heard: dict[str, ObjectInfo] = {}  # as they were then
        self._looked = {name: asyncio.Event() for name in self.members}
        self._watchers: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Fleet:
        for name, member in self.members.items():
            client = ComfyClient(member.server, partial(self._share, name), partial(self._lost, name))
            self._clients[name] = await self._stack.enter_async_context(client)
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
    def known(self) -> Mapping[str, ObjectInfo]:
        """Return the nodes and models of each server at the last check, even if it is down now."""
        return dict(self._infos)

    def remember(self, name: str, info: ObjectInfo) -> None:
        """Take a server's nodes and models from an earlier time, until it is seen."""
        if name in self.members and name not in self._infos:
            self._infos[name] = info
            self.version += 1

    def client(self, name: str) -> ComfyClient:
        return self._clients[name]

    def doubt(self, name: str) -> None:
        """Report an error of a server. It is not used until it answers again."""
        self.reachable -= {name}
        self._set(name, up=False)
        self._doubts[name].set()

    def rest(self, name: str, seconds: float) -> None:
        """Do not use a server for so many seconds, although it answers."""
        self._rests[name] = time.monotonic() + seconds
        asyncio.get_running_loop().call_later(seconds, self._doubts[name].set)
        self._set(name, up=False)

    def is_resting(self, name: str) -> bool:
        """True if a server is not used for a while, although it answers."""
        return time.monotonic() < self._rests.get(name, 0.0)

    def hold(self, name: str, why: str) -> None:
        """Do not use a server, although it may answer, until it is released for the same reason."""
        self._held[name] = self._held.get(name, frozenset()) | {why}
        self._set(name, up=False)

    def release(self, name: str, why: str) -> None:
        """Use a server again, if it answers and nothing else holds it."""
        self._held[name] = self._held.get(name, frozenset()) - {why}
        if name in self.reachable and not self._held[name] and not self.is_resting(name):
            self._set(name, up=True)
        self.look_again(name)

    def is_held(self, name: str, why: str) -> bool:
        return why in self._held.get(name, ())

    def look_again(self, name: str) -> None:
        """Have a server looked at now."""
        self._doubts[name].set()

    def _lost(self, name: str) -> None:
        """Have a server looked at whose websocket is closed, at most once a second: some proxies close each at once."""
        if name not in self._lost_now:
            self._lost_now.add(name)
            asyncio.get_running_loop().call_later(1.0, self._look_at_lost, name)

    def _look_at_lost(self, name: str) -> None:
        self._lost_now.discard(name)
        self.look_again(name)

    async def looked(self) -> None:
        """Wait until every server has been checked once, even if it did not answer."""
        for event in self._looked.values():
            await event.wait()

    async def _watch(self, name: str) -> None:
        pause = _FIRST
        while True:
            self._doubts[name].clear()
            if await self._look(name):
                pause, wait = _FIRST, _CALM
            else:
                pause, wait = min(pause * 2, _LONGEST), pause
            self._looked[name].set()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait * random.uniform(0.8, 1.2)):  # noqa: S311 - so that not all ask at once
                    await self._doubts[name].wait()

    async def _look(self, name: str) -> bool:
        client = self._clients[name]
        try:
            await client.system_stats()  # a server that is away says so at once: nothing is asked again
            if name not in self.reachable or time.monotonic() - self._read[name] >= _STALE:
                self._note(name, await client.object_info(refresh=True))
                self._read[name] = time.monotonic()
        except ComfyError as fault:
            _log.log(logging.INFO if name in self.down else logging.WARNING, "server %s: %s", name, fault)
            self._reach(name, answers=False)
            self._set(name, up=False)
            return False
        self._reach(name, answers=True)
        self._set(name, up=not self.is_resting(name) and not self._held.get(name))
        return True

    def _reach(self, name: str, *, answers: bool) -> None:
        if answers == (name in self.reachable):
            return
        self.reachable = self.reachable | {name} if answers else self.reachable - {name}
        self._changed()

    def _note(self, name: str, info: ObjectInfo) -> None:
        """Store a server's nodes and models, and call `changed` if they are new."""
        known = self._infos.get(name)
        if info is self._heard.get(name):
            return
        self._heard[name] = info
        if known is None or not info.is_same(known):
            self._infos[name] = info
            self.version += 1
            self._changed()

    def _share(self, name: str, has_others: bool) -> None:
        self.shared = self.shared | {name} if has_others else self.shared - {name}
        self._changed()  # there is room for one more, or no longer

    def _set(self, name: str, *, up: bool) -> None:
        if name in (self.up if up else self.down):
            return
        self.up = self.up | {name} if up else self.up - {name}
        self.down = self.down - {name} if up else self.down | {name}
        self.version += 1
        self._changed()
