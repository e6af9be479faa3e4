"""The views of the control room, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.care.desk import ServerView
from bot.core.control.events import LoggedEvent
from bot.core.moderation.problems import WorkflowProblem
from bot.core.run import RunRecord, State
from bot.core.watching.trouble import Trouble


@dataclass(frozen=True)
class RunQuestion:
    """The runs that an operator looks for: in a state, or all that have not ended; with words in the name or key of
    their person, in the title of their workflow, and in the sentence of their end. `page` counts from 0.
    """

    state: State | None = None
    person: str = ""
    workflow: str = ""
    fault: str = ""
    page: int = 0


@dataclass(frozen=True)
class SeenServer:
    """A server with its state in words, the titles of the workflows that are at work there, and the run that failed
    there last; None if none did, or it was private.
    """

    view: ServerView
    words: str
    titles: tuple[str, ...]
    last_failed: RunRecord | None


@dataclass(frozen=True)
class SeenRun:
    """A run with the title of its workflow. `fault` says why it failed, or waits again; empty for private runs."""

    run: RunRecord
    title: str
    fault: str = ""


@dataclass(frozen=True)
class FoundRuns:
    """A page of runs; `more` says that others follow."""

    runs: tuple[SeenRun, ...]
    page: int
    more: bool


@dataclass(frozen=True)
class TurnInLine:
    """A waiting run: its place, counted from 1, and the seconds until it starts; None where that is not known. It
    `may_move` to the first place.
    """

    seen: SeenRun
    place: int
    starts_in: float | None
    may_move: bool


@dataclass(frozen=True)
class WholeLine:
    """The first of the waiting runs, in the order in which they start, and how many wait."""

    first: tuple[TurnInLine, ...]
    count: int


@dataclass(frozen=True)
class SeenChat:
    """A platform of this process. `refused` says that its token is not taken; `remarks` are about its commands. The
    messages, and the answers that told us to wait, are counted since the process started.
    """

    name: str
    connected: bool
    refused: str
    remarks: tuple[str, ...]
    messages: int
    told_to_wait: int


@dataclass(frozen=True)
class SeenDisk:
    """The disk with the data folder; bytes, which are None where it cannot be read."""

    folder: Path
    total: int | None
    free: int | None


@dataclass(frozen=True)
class NowView:
    """All of it. What the database did not tell is None."""

    servers: tuple[SeenServer, ...] | None
    counts: Mapping[State, int] | None
    runs: FoundRuns | None
    line: WholeLine | None
    problems: tuple[WorkflowProblem, ...] | None
    troubles: tuple[Trouble, ...]
    chats: tuple[SeenChat, ...]
    disk: SeenDisk
    events: tuple[LoggedEvent, ...]
    hears_all: bool
