"""Bells: who waits for a change in the database is woken by it, and need not ask again and again.

A bell is a hint. A change of another process rings it a moment later (`herald`), and one that was lost with its process
never: so those who wait look again after a while in any case.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import StrEnum

from bot.core.background import aligned, until_set
from bot.core.listeners import Listeners

CHANNEL = "darkroom"  #: on which PostgreSQL passes on what is said
_NET = 120.0  # seconds after which those who wait look in any case
_NET_OF_MANY = 60.0  # where processes of an earlier version may be among them, which ring nothing


class Topic(StrEnum):
    """The subject of a change. Other processes know these words."""

    EMPTY = "empty"  #: another process has taken the last run that waited
    LINE = "line"  #: runs that a worker may now take
    ROOM = "room"  #: runs that wait or are on servers no longer: others may start
    CANCELS = "cancels"
    OUTCOMES = "outcomes"  #: runs that have only to be delivered, and have no worker
    HELD = "held"  #: runs that a moderator must approve
    RULES = "rules"
    WORKFLOWS = "workflows"
    GROUPS = "groups"  #: runs of groups that have ended
    SAVED = "saved"  #: workflows that people saved at servers
    SERVERS = "servers"  #: operators want something of servers
    WORKERS = "workers"  #: a worker has come, or has other servers
    PRESETS = "presets"  #: what people have kept for forms
    LINKS = "links"  #: which accounts are of one person
    INVITATIONS = "invitations"  #: who is invited to the page


class Bell:
    """Rings for one who waits. What happened while nobody waited counts as well, once."""

    def __init__(self, net: float | None = _NET) -> None:
        """`net` is after how many seconds a wait ends in any case; None if it does not."""
        self._rung, self._net = asyncio.Event(), net

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, patience: float | None = None) -> None:
        """Wait until it has rung since the last time, for so many seconds at most."""
        most = self._net if patience is None else patience
        await until_set(self._rung, most and aligned(most, asyncio.get_running_loop().time()))
        self._rung.clear()


class Bells:
    """The bells of one process. `shared` says that others work on its database."""

    def __init__(self, *, shared: bool = False) -> None:
        self._name = secrets.token_hex(8)
        #: Seconds after which those who wait look in any case.
        self.net = _NET_OF_MANY if shared else _NET
        self._listeners: defaultdict[Topic, Listeners[[]]] = defaultdict(Listeners)
        #: Told which topics this process has changed.
        self.on_change = Listeners[[frozenset[Topic]]]()

    def on(self, topic: Topic, listener: Callable[[], object]) -> None:
        """Call a function after each change, of whatever process."""
        self._listeners[topic].add(listener)

    def bell(self, *topics: Topic) -> Bell:
        """Return a bell that rings after each change of these topics."""
        bell = Bell(self.net)
        for topic in topics:
            self.on(topic, bell.ring)
        return bell

    def ring(self, topics: Iterable[Topic]) -> None:
        """Wake those who wait in this process."""
        for topic in topics:
            self._listeners[topic]()

    def in_words(self, topics: Iterable[Topic]) -> str:
        """Return what other processes are told of a change."""
        return f"{self._name} {' '.join(sorted(topics))}"

    def hear(self, told: str) -> None:
        """Wake those who wait in this process, where another one has said this."""
        name, *topics = told.split(" ")
        if name != self._name:
            self.ring(topic for topic in Topic if topic in topics)

    def changed(self, topics: Iterable[Topic]) -> None:
        """Say what this process has changed."""
        self.ring(topics)
        self.on_change(frozenset(topics))
