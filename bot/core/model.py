"""What everyone speaks of: people and places, requests, the statuses of a run, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Person:
    """Who asks; `id` is the platform's own. `roles`, `moderator` and `owner` are what they are in the place where they
    ask: a member of its community, one who decides in it, and the one to whom it belongs.
    """

    platform: str
    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    moderator: bool = False
    owner: bool = False


@dataclass(frozen=True)
class Place:
    """Where it was asked: a channel, a chat, a terminal. `community` is the server or group that it is a part of, and
    empty where it is nobody's but the person's own. `parents` are ids of the places that it lies in, the nearest first:
    a thread's channel, and the category of that.
    """

    platform: str
    id: str
    name: str = ""
    community: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Address:
    """Data enough to find a message again, after a restart or from another process."""

    platform: str
    chat: str
    message: str


@dataclass(frozen=True)
class UploadedFile:
    """A file that a person gave: where it lies now, and the name that they gave it."""

    path: Path
    filename: str


@dataclass(frozen=True)
class StoredFile:
    """A file in the media store, and the name and kind that it has for people."""

    key: str
    filename: str
    kind: str = ""


@dataclass(frozen=True)
class RunRequest:
    """What a person wants. `values` holds texts as they were typed, and for each media field an `UploadedFile`, or the
    `StoredFile` of an earlier run.
    """

    workflow: str
    values: Mapping[str, Any]
    person: Person
    place: Place


@dataclass(frozen=True)
class DisplayOptions:
    """How runs are shown: `results` go "here", to a "thread" or to the channel or topic of this id. None leaves it to
    others.
    """

    results: str | None = None
    previews: bool | None = None
    spoilers: bool | None = None


@dataclass(frozen=True)
class Received:
    """The request has been heard, and is not on disk yet: nothing is promised."""


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
class Held:
    """A moderator has to say yes first: to the request, or to the result. It goes on, or ends, when one has decided."""


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


Status: TypeAlias = Received | Queued | Running | Delivering | Held | Paused | Done | Failed | Cancelled


@dataclass(frozen=True)
class RunSummary:
    """What a message says of its run, whatever the run has come to. `inputs` are the names of the files given.

    `spoiler`: the result is covered until somebody wants to see it. Without `previews`, no `Running` has any.
    """

    run_id: str
    workflow: str
    title: str
    person: Person
    place: Place
    values: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    spoiler: bool = False
    previews: bool = True


@dataclass(frozen=True)
class ResultFile:
    """A file of a result: where it lies, and a name that a person would give it; `kind` is "image", "video", …

    `link` is where else it can be fetched, should it be too large for a chat; empty where there is no such place.
    """

    path: Path
    filename: str
    kind: str
    link: str = ""


@dataclass(frozen=True)
class Result:
    """All that came out of a run. `values` are those used, the seed among them; `nothing_new` says nothing was run.

    `waited` and `took` are seconds: in line, and at the server; None where nobody counted.
    """

    run_id: str
    workflow: str
    values: Mapping[str, Any]
    files: tuple[ResultFile, ...] = ()
    texts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    nothing_new: bool = False
    waited: float | None = None
    took: float | None = None
