"""The record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.core.model import Address, Cancelled, DisplayOptions, Failed, Person, Place, RunSummary, StoredFile
from comfy.prices import Price


class State(StrEnum):
    LATER = "later"  #: a step of a recipe that has no result of the step before yet
    WAITING = "waiting"  #: with a server, it is ahead: handed over already, behind what that server executes
    RUNNING = "running"  #: it is on a server
    DELIVERING = "delivering"  #: the server is free again
    HELD = "held"  #: the request or the result waits for a moderator
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (State.RUNNING, State.DELIVERING)
UNFINISHED = (State.LATER, State.WAITING, *ACTIVE, State.HELD)
ENDED = (State.DONE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Outcome:
    """The outputs of a run, before and after delivery."""

    files: tuple[StoredFile, ...] = ()
    texts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    nothing_new: bool = False


@dataclass(frozen=True)
class ExecutionEnd:
    """The prompt has run to its end. `nothing_new` says that the server knew every result already."""

    nothing_new: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandedOver:
    """The word of a server that it has taken the prompt of an attempt, and its warnings. `adopted` is the prompt of an
    earlier attempt that this one goes on with. `ended` is how it ended, where that came with warnings: the server does
    not repeat them.
    """

    attempt: int
    warnings: tuple[str, ...] = ()
    adopted: str | None = None
    ended: ExecutionEnd | None = None


@dataclass(frozen=True)
class RecipePlace:
    """The place of a run in a recipe, given by its id: the run is step `number` of so many, counted from 0. It goes on
    with a result of the run `after`, which goes `into` a field that takes files of this `kind`: with result `take`,
    counted from 0; None if its person chooses.
    """

    recipe: str
    number: int
    count: int
    after: str = ""
    into: str = ""
    kind: str = ""
    take: int | None = 0


@dataclass(frozen=True)
class Wording:
    """The words of a run as its person wrote them, by field, where others are sent: in a style, with choices made. What
    was chosen beside the workflow's own fields is there too, such as the style. `hidden` are fields of which the values
    that are sent say all. `matrix` is what asked for the group that the run is of, if a matrix did.
    """

    written: Mapping[str, Any] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    matrix: str = ""


_PLAIN = DisplayOptions()


@dataclass(frozen=True)
class QueuedRun:
    """The data about a waiting run that decides where it goes. Runs of one `kind` have a similar duration and similar
    needs. `avoid` names servers that failed it, and `put_off` counts the runs that went before it. `version` is that of
    its workflow; empty for the newest. A run that costs money has a `price`.
    """

    id: str
    workflow: str
    kind: str
    models: frozenset[str]
    avoid: frozenset[str]
    put_off: int
    version: str = field(default="", kw_only=True)
    price: Price | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class RunRecord(QueuedRun):
    """One run. The person is as they were when they asked. No worker takes the run before its message is `opened`. Of
    one with a `wording`, `values` has the final texts, which are sent, shown and judged.

    `spared` counts the attempts that ended before a server began. From `posted_at` on a server may have charged for a
    run that costs money. A run of a group, which was asked for with others, is `cell` of so many `cells`, counted from
    0; `label` says what differs. A `private` one has its message with its person alone. One that is `restored`
    comes from a backup, after which others may have gone on with it.
    """

    values: Mapping[str, Any]
    inputs: Mapping[str, StoredFile]
    stem: str
    person: Person
    place: Place
    address: Address
    state: State
    attempt: int
    reason: str
    server: str | None
    worker: str | None
    cancelled_by: str | None
    outcome: Outcome | None
    sentence: str | None
    asked_at: float
    started_at: float | None
    executed_at: float | None
    ended_at: float | None
    review: bool = False
    review_in: str = ""
    display: DisplayOptions = _PLAIN
    opened: bool = True
    caps: str = ""
    posted_at: float | None = None
    spared: int = 0
    handed_over: HandedOver | None = None
    priority: int = 0
    group_id: str | None = None
    cell: int = 0
    cells: int = 1
    label: str = ""
    wording: Wording | None = None
    restored: bool = False
    step: RecipePlace | None = None
    private: bool = False

    @property
    def written(self) -> Mapping[str, Any]:
        """The values as the person wrote them, for a form; `values` are those that are sent."""
        return self.values if self.wording is None else {**self.values, **self.wording.written}

    @property
    def said(self) -> Mapping[str, Any]:
        """The values for people to read: those that are sent, and what was chosen beside them."""
        if self.wording is None:
            return self.values
        shown = {name: value for name, value in self.written.items() if name not in self.wording.hidden}
        return {**shown, **self.values}

    @property
    def is_ahead(self) -> bool:
        """True if the run waits at a server, which begins it by itself after what it executes now."""
        return self.state is State.WAITING and self.server is not None

    @property
    def tries(self) -> int:
        """The attempts that count: those that a server may have begun, and the present one."""
        return self.attempt - self.spared

    def brief(self, title: str = "") -> RunSummary:
        """Summarize the run for its message. `title` is the workflow's title; default: its name."""
        inputs = {name: file.filename for name, file in self.inputs.items()}
        return RunSummary(
            self.id,
            self.workflow,
            title or self.workflow,
            self.person,
            self.place,
            self.said,
            inputs,
            spoiler=bool(self.display.spoilers),
            previews=self.display.previews is not False and not self.review,
            price=self.price,
            group=self.group_id or "",
            notes=tuple(file.note for file in self.inputs.values() if file.note),
            restored=self.restored,
            private=self.private,
        )

    @property
    def shown(self) -> Outcome:
        """The outputs that people may see: none while moderators hold them."""
        shown = self.state is State.DONE or (self.state in (State.DELIVERING, State.FAILED) and not self.review)
        return self.outcome if shown and self.outcome is not None else Outcome()

    @property
    def end(self) -> Failed | Cancelled | None:
        """The status to show of a run that ended without a result; None for any other."""
        match self.state:
            case State.FAILED:
                return Failed(self.sentence or "", made=bool(self.shown.files))
            case State.CANCELLED:
                return Cancelled(person_of(self.cancelled_by) if self.cancelled_by else None)
            case _:
                return None

    @property
    def to_review(self) -> Outcome | None:
        """The held outputs, only for the moderators who review them."""
        return self.outcome if self.state is State.HELD else None

    @property
    def waited(self) -> float | None:
        """Seconds in line; None where that was forgotten."""
        return _between(self.asked_at or None, self.started_at)

    @property
    def lasted(self) -> float | None:
        """The seconds from the request to the end, to a tenth; None where one of them is not known."""
        seconds = _between(self.asked_at or None, self.ended_at)
        return None if seconds is None else round(seconds, 1)

    @property
    def took(self) -> float | None:
        """The seconds on the server."""
        return _between(self.started_at, self.executed_at)


@dataclass(frozen=True)
class RunTiming:
    """The times and the end of a run."""

    workflow: str
    person: str
    state: str
    asked_at: float
    started_at: float | None = None
    executed_at: float | None = None

    @property
    def waited(self) -> float | None:
        return _between(self.asked_at or None, self.started_at)

    @property
    def took(self) -> float:
        return _between(self.started_at, self.executed_at) or 0.0


def person_of(text: str) -> Person:
    """Read a person from "platform:id:name"."""
    platform, _colon, rest = text.partition(":")
    number, _colon, name = rest.partition(":")
    return Person(platform, number, name)


def unknown_person(platform: str) -> str:
    """Return a person whom their platform does not name, as `person_of` reads it."""
    return f"{platform}::"


def _between(begun: float | None, ended: float | None) -> float | None:
    return None if begun is None or ended is None else max(0.0, ended - begun)
