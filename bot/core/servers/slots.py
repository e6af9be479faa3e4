"""The runs that a server has: the one that it executes, and one that is ahead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bot.core.run import RunRecord
from comfy.scheduling.schedule import ServerState

_GROWING = 1.5  # the estimate for an overdue run, as a multiple of the time it has taken


class Stay(NamedTuple):
    """A run on a server: its start, its estimated duration, and whether models were loaded for it. One that is ahead
    has no start.
    """

    begun: float | None
    expected: float
    switched: bool
    before: frozenset[str]  # the models that were loaded
    attempt: int

    def left(self, now: float) -> float:
        """Return the seconds until it ends."""
        elapsed = now - self.begun if self.begun is not None else 0.0
        return self.expected - elapsed if elapsed < self.expected else elapsed * (_GROWING - 1)


@dataclass
class ServerSlot:
    loaded: frozenset[str] = frozenset()
    stays: dict[str, Stay] = field(default_factory=dict)

    def busy_for(self, now: float) -> float:
        """Return the seconds until the server has finished its runs, one after the other."""
        left, first = 0.0, True
        for stay in self.stays.values():
            left, first = left + (stay.left(now) if first else stay.expected), False
        return left

    def state(self, name: str, now: float, at_once: int, *, shared: bool, kept: bool) -> ServerState:
        """Describe it for the schedule. It executes so many runs at once, and one waits behind them. If it is `shared`
        with the prompts of others, one of ours is there. If it is `kept` for a run, it takes no other.
        """
        free = not kept and len(self.stays) < (1 if shared else at_once)
        room = not kept and not free and not shared and len(self.stays) == at_once
        return ServerState(name, self.loaded, now + self.busy_for(now) if self.stays else 0.0, free, room)

    def load(self, run: RunRecord) -> bool:
        """Mark a run's models as loaded. Returns True if these are other models than before."""
        switched = bool(run.models) and not run.models <= self.loaded
        if switched:
            self.loaded = run.models
        return switched
