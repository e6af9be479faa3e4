"""The port between the product and a platform: what comes in (`RunRequest`), and what goes out (`Status`, `Result`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from bot.core.desk import Desk


@dataclass(frozen=True)
class Person:
    """Who asks; `id` is the platform's own."""

    platform: str
    id: str
    name: str = ""


@dataclass(frozen=True)
class Place:
    """Where it was asked: a channel, a chat, a terminal."""

    platform: str
    id: str
    name: str = ""


@dataclass(frozen=True)
class Address:
    """Data enough to find a message again, after a restart or from another process."""

    platform: str
    chat: str
    message: str


@dataclass(frozen=True)
class Attachment:
    """A file that a person gave: where it lies now, and the name that they gave it."""

    path: Path
    filename: str


@dataclass(frozen=True)
class RunRequest:
    """What a person wants. `values` holds texts as they were typed, and an `Attachment` for each media field."""

    workflow: str
    values: Mapping[str, Any]
    person: Person
    place: Place


@dataclass(frozen=True)
class Limits:
    """What a platform takes: bytes a file, files a message, characters a text, seconds between two edits."""

    file_bytes: int
    files: int
    text: int
    interval: float


@dataclass(frozen=True)
class Queued:
    """The run waits. `position` counts from 1, the next to run; None where it is not known yet. `eta` is the seconds
    until it starts, and `reason` says why it waits again after it had started.
    """

    position: int | None = None
    eta: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Running:
    """A node is at work. `fraction` is that of the whole run and stays below 1; `eta` is in seconds."""

    node: str | None = None
    step: int | None = None
    steps: int | None = None
    fraction: float = 0.0
    eta: float | None = None
    preview: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Delivering:
    """The server has finished, and the files are on their way."""


@dataclass(frozen=True)
class Paused:
    """The program stops for a while; the run goes on when it is back."""


@dataclass(frozen=True)
class Done:
    """The result has been delivered."""


@dataclass(frozen=True)
class Failed:
    """The run came to nothing; `sentence` says why, to the person."""

    sentence: str


@dataclass(frozen=True)
class Cancelled:
    """The run was stopped on purpose; `by` is None where nobody knows by whom."""

    by: Person | None = None


Status: TypeAlias = Queued | Running | Delivering | Paused | Done | Failed | Cancelled


@dataclass(frozen=True)
class ResultFile:
    """A file of a result: where it lies, and a name that a person would give it; `kind` is "image", "video", …"""

    path: Path
    filename: str
    kind: str


@dataclass(frozen=True)
class Result:
    """All that came out of a run. `values` are those used, the seed among them; `nothing_new` says nothing was run."""

    run_id: str
    workflow: str
    values: Mapping[str, Any]
    files: tuple[ResultFile, ...] = ()
    texts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    nothing_new: bool = False


class Reply(Protocol):
    """The one message that a run is to its person. Both methods raise `DeliveryFailed`.

    After a crash either may be asked for again: a message that shows a run's result already is left as it is.
    """

    @property
    def limits(self) -> Limits: ...

    async def show(self, status: Status) -> None: ...

    async def deliver(self, result: Result) -> None: ...


class Platform(Protocol):
    """A place that people chat at."""

    @property
    def name(self) -> str: ...

    async def serve(self, desk: Desk) -> None:
        """Take requests until cancelled."""

    def reply(self, address: Address) -> Reply:
        """Rebuild a reply from data alone."""
