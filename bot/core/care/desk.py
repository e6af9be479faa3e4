"""The view of operators on all servers, and their hands, in any process: the workers answer through the database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.care.states import FreeAnswer, KeptServer, ServerReport, ServerStates
from bot.core.errors import UserError
from bot.core.run import RunRecord, State
from bot.core.runs.repository import RunRepository
from bot.i18n import _

_PATIENCE = 8.0  # seconds that a worker may take for an answer
_PAUSE = 0.1  # seconds between two looks for it
_LOST = 3  # questions that a worker has left without an answer: it is gone, and no glance waits for it


@dataclass(frozen=True)
class RunAtServer:
    """A run of ours at a server, for so many seconds; None if it is ahead there."""

    id: str
    workflow: str
    seconds: float | None


@dataclass(frozen=True)
class ServerView:
    """A server as operators see it. Where its worker does not answer, `answers` is False and the report is an old one,
    from `seen_at`, or missing.
    """

    name: str
    report: ServerReport | None
    drained: bool
    runs: tuple[RunAtServer, ...]
    answers: bool
    seen_at: float | None = None
    worker: str = ""
    own_name: str = ""  #: the name at its worker


class ServerDesk:
    """All methods raise `UserError` where there is no such server, and `StorageFailed`."""

    def __init__(
        self, states: ServerStates, records: RunRepository, operator: str, patience: float = _PATIENCE
    ) -> None:
        """`operator` is who cancels runs, as "platform:id:name"."""
        self._states, self._records, self._operator, self._patience = states, records, operator, patience

    async def look(self) -> list[ServerView]:
        """Return all servers, after their workers had a while to answer."""
        return await self._look(lambda each: each.is_current)

    async def glance(self) -> list[ServerView]:
        """The same, without waiting for workers that have not answered for long."""
        return await self._look(lambda each: each.is_current or each.asked - each.answered > _LOST)

    async def _look(self, is_done: Callable[[KeptServer], bool]) -> list[ServerView]:
        await self._states.ask()
        known = await self._answered(is_done)
        names, active = _names(known), await self._records.active()
        return [_seen(names[_key(each)], each, active) for each in known]

    async def interrupt(self, name: str, by: str = "") -> int:
        """Cancel our runs that a server executes, and no others; `by` is who does, if not the operator. Returns how
        many there are.
        """
        state = await self._named(name)
        runs = [run for run in _at(state, await self._records.active()) if run.state is State.RUNNING]
        stopped = [await self._records.request_cancel(run.id, by or self._operator) for run in runs]
        return sum(each is not None for each in stopped)

    async def free(self, name: str) -> FreeAnswer | None:
        """Have a server unload its models, unless something is there; None if its worker does not answer."""
        state = await self._named(name)
        await self._states.ask_to_free(state.worker, state.name)

        async def has_answered() -> bool:
            now = await self._states.of(state.worker, state.name)
            return now is not None and now.free_answered > state.free_asked

        if not await self._within(has_answered):
            return None
        now = await self._states.of(state.worker, state.name)
        return now.free_answer if now is not None else None

    async def drain(self, name: str, *, wanted: bool) -> ServerView:
        """Have a server get no more runs, or get runs again: that holds until it is said otherwise."""
        state = await self._named(name)
        await self._states.drain(state.worker, state.name, wanted=wanted)
        known = await self._answered(lambda each: each.is_current or (each.worker, each.name) != _key(state))
        active = await self._records.active()
        return next(_seen(name, each, active) for each in known if _key(each) == _key(state))

    async def _named(self, name: str) -> KeptServer:
        known = await self._states.all()
        names = _names(known)
        found = next((each for each in known if names[_key(each)] == name), None)
        if found is None:
            there_are = ", ".join(names.values()) or _("none, as no worker was started with this database yet")
            words = _("There is no server “{name}”. The servers are: {names}.")
            raise UserError(words.format(name=name, names=there_are))
        return found

    async def _answered(self, is_done: Callable[[KeptServer], bool]) -> list[KeptServer]:
        """Return all states once each is done, or when it takes too long."""

        async def all_done() -> bool:
            return all(map(is_done, await self._states.all()))

        await self._within(all_done)
        return await self._states.all()

    async def _within(self, condition: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for a worker's answer; False if it takes too long."""
        until = time.monotonic() + self._patience
        while not await condition():
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(_PAUSE)
        return True


def _key(state: KeptServer) -> tuple[str, str]:
    return state.worker, state.name


def _names(known: list[KeptServer]) -> dict[tuple[str, str], str]:
    """Name each server; one that several workers have as WORKER/NAME."""
    count = Counter(each.name for each in known)
    return {_key(each): each.name if count[each.name] == 1 else f"{each.worker}/{each.name}" for each in known}


def _at(state: KeptServer, active: list[RunRecord]) -> list[RunRecord]:
    ours = (run for run in active if (run.worker, run.server) == _key(state))
    return [run for run in ours if run.state is State.RUNNING or run.is_ahead]


def _seen(name: str, state: KeptServer, active: list[RunRecord]) -> ServerView:
    now = time.time()
    runs = tuple(
        RunAtServer(run.id, run.workflow, None if run.started_at is None else max(0.0, now - run.started_at))
        for run in _at(state, active)
    )
    at = (state.reported_at, state.worker, state.name)
    return ServerView(name, state.report, state.drained, runs, state.is_current, *at)
