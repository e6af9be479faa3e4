"""The common types: people and places, requests, the statuses of a run, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from comfy.prices import Price  # the settings are read without it


@dataclass(frozen=True)
class Person:
    """A person; `id` is the platform's. `roles`, `moderator` and `owner` apply to the place of the request: the
    person's roles in its community, and whether they moderate or own it. `language` is a code such as "zh-CN", where
    the platform knows it.
    """

    platform: str
    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    moderator: bool = False
    owner: bool = False
    language: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _storable(self.name))

    @property
    def key(self) -> str:
        """The person in one word, as "platform:id"."""
        return f"{self.platform}:{self.id}"


@dataclass(frozen=True)
class Place:
    """The place of a request: a channel, a chat or a terminal. `community` is its server or group; it is empty in a
    private chat. `parents` are the ids of the places around it, nearest first: a thread's channel, and that channel's
    category.
    """

    platform: str
    id: str
    name: str = ""
    community: str = ""
    parents: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _storable(self.name))

    @property
    def key(self) -> str:
        """The place in one word, as "platform:id"."""
        return f"{self.platform}:{self.id}"


def _storable(name: str) -> str:
    """Put a question mark for half a character, which JSON can contain and no database takes."""
    return name if name.isascii() else name.encode(errors="replace").decode()


class Publish(StrEnum):
    """The way of workflows that people save at a server: they are open at once, operators are asked
    first, or nothing is read there.
    """

    OPEN = "open"
    TRIAL = "trial"
    OFF = "off"


@dataclass(frozen=True)
class Address:
    """The data to find a message again, after a restart or from another process."""

    platform: str
    chat: str
    message: str


@dataclass(frozen=True)
class Crop:
    """The part of a picture that is used: its edges, as fractions of the whole from the left and from the top."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Retouch:
    """The mask and the crop that a person drew on a picture. The picture at the path `mask` is white where the workflow
    shall work, and lies over the whole picture, whatever its size.
    """

    mask: Path | None = None
    crop: Crop | None = None


@dataclass(frozen=True)
class UploadedFile:
    """A person's file: its path, and the person's name for it. One of an `earlier` run was small enough before."""

    path: Path
    filename: str
    retouch: Retouch | None = None
    earlier: bool = False


@dataclass(frozen=True)
class StoredFile:
    """A file in the media store, with its name and kind for people. `note` says what had to be changed of an input."""

    key: str
    filename: str
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class RunRequest:
    """A person's request. `workflow` is its id. `values` has texts as typed, and for each media field an
    `UploadedFile`, or the `StoredFile` of an earlier run. `version` is that of an earlier run; empty for the newest.
    `count` is the number of runs where no field of the form says it. Of a recipe, `resume` says which step is the first
    one. A `private` one is for a place where others would see it: its message goes to the person alone.
    """

    workflow: str
    values: Mapping[str, Any]
    person: Person
    place: Place
    version: str = ""
    count: int = 1
    resume: Resume | None = None
    private: bool = False


@dataclass(frozen=True)
class Resume:
    """The step of a recipe, counted from 0, with which it goes on, and the result of the step before."""

    step: int
    file: StoredFile | None = None


@dataclass(frozen=True)
class DisplayOptions:
    """The display options of runs. `results` go "here", to a "thread", or to the channel or topic with this id. People
    are told of the end of a request that took longer than `ping` minutes; -1 means never. With `private`, people may
    ask for runs that they alone see. None means that wider rules decide.
    """

    results: str | None = None
    previews: bool | None = None
    spoilers: bool | None = None
    ping: int | None = None
    private: bool | None = None


@dataclass(frozen=True)
class Received:
    """The request has arrived, but is not on disk yet."""


@dataclass(frozen=True)
class Queued:
    """The run waits. `position` counts from 1, the next to run; None if it is not known yet. `eta` is the seconds until
    it starts. `reason` says why it waits, if not for its turn alone. `running` counts the runs on servers now.
    """

    position: int | None = None
    eta: float | None = None
    reason: str = ""
    running: int = 0

    @property
    def before(self) -> int | None:
        """The number of runs before this one, with those that run."""
        return None if self.position is None else self.position - 1 + self.running


@dataclass(frozen=True)
class Running:
    """A node is running: `node` says in words what it does. `fraction` is the progress of the whole run, always below
    1; `eta` is in seconds, and is `sure` if earlier runs say so.
    """

    node: str | None = None
    step: int | None = None
    steps: int | None = None
    fraction: float = 0.0
    eta: float | None = None
    preview: bytes | None = field(default=None, repr=False)
    sure: bool = False


@dataclass(frozen=True)
class Delivering:
    """The server has finished, and the files are being delivered."""


@dataclass(frozen=True)
class Held:
    """The request, or the result, waits for a moderator's approval."""


@dataclass(frozen=True)
class Paused:
    """The bot is restarting; the run continues afterwards."""


@dataclass(frozen=True)
class Done:
    """The result has been delivered."""


@dataclass(frozen=True)
class Failed:
    """The run failed; `sentence` tells the person why. `made`: it has files that could not be delivered."""

    sentence: str
    made: bool = False


@dataclass(frozen=True)
class Cancelled:
    """The run was cancelled; `by` is None if the person is unknown."""

    by: Person | None = None


Status: TypeAlias = Received | Queued | Running | Delivering | Held | Paused | Done | Failed | Cancelled


@dataclass(frozen=True)
class RunSummary:
    """The summary of a run for its message, in any status. `inputs` are the names of the input files, and `notes` say
    what had to be changed of them.

    `values` come in the order in which people look for them. With `spoiler` the result is hidden until someone clicks
    on it. Without `previews` no `Running` has any. `varies` says that another run with the same values makes another
    result, because the workflow has a seed. `price` is there if the run costs money. The message of a `private` run is
    for its person alone. `restored` says that its message may show the end of the run already, and that it and all
    beside it may have been posted by a bot that is gone: nothing is posted in their place. Of a step of a recipe,
    `whole` is the recipe's title. With `masks`, its person can draw a mask on one of its inputs.
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
    varies: bool = True
    price: Price | None = None
    group: str = ""
    notes: tuple[str, ...] = ()
    restored: bool = False
    whole: str = ""
    private: bool = False
    masks: bool = False


@dataclass(frozen=True)
class ResultFile:
    """A file of a result: its path, and a readable name; `kind` is "image", "video", …

    `link` is its address on the page, for a chat that cannot take the file; empty if there is none. `is_blank`: all
    pixels of a picture were alike when the server had made it.
    """

    path: Path
    filename: str
    kind: str
    link: str = ""
    is_blank: bool = False


@dataclass(frozen=True)
class Result:
    """The result of a run. `values` are the values used, including the seed; `nothing_new` means that no node ran.

    `waited` and `took` are the seconds in the queue and on the server; None if they are unknown.
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


@dataclass(frozen=True)
class Cell:
    """A run of a group, as the group's message shows it. `number` counts from 1, and `label` says what differs. Of a
    result that may be shown it has the `files`, `texts` and `warnings`. A step of a recipe `is_later` until the step
    before has brought its result. Without `varies` another run with the same values would make the same. With `masks`,
    its person can draw a mask on one of its inputs.
    """

    run_id: str
    number: int
    status: Status
    label: str = ""
    files: tuple[StoredFile, ...] = ()
    texts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_later: bool = False
    varies: bool = True
    masks: bool = False

    @property
    def name(self) -> str:
        """Its number, with what differs."""
        return f"{self.number} ({self.label})" if self.label else str(self.number)

    @property
    def has_ended(self) -> bool:
        return isinstance(self.status, Done | Failed | Cancelled)

    @property
    def has_result(self) -> bool:
        return isinstance(self.status, Done)


@dataclass(frozen=True)
class GroupSummary:
    """The summary of a group, which is what one request for several runs became. `brief` has what its runs have in
    common; `asked` counts those that were asked for, of which some may have been deleted. A recipe waits until its
    person has chosen one of so many `choices`, and is `resumable` if it can go on from a step that failed.
    """

    id: str
    brief: RunSummary
    cells: tuple[Cell, ...]
    asked: int
    choices: int = 0
    resumable: bool = False

    @property
    def has_ended(self) -> bool:
        return all(cell.has_ended for cell in self.cells)

    @property
    def lead(self) -> Cell | None:
        """The run that says most about what goes on: one on a server, else the next one in line."""
        kinds: list[type[Status]] = [Running, Delivering, Paused, Queued, Held]
        going = [cell for cell in self.cells if not cell.has_ended and not cell.is_later]
        return min(going, key=lambda cell: (kinds.index(type(cell.status)), _place(cell.status)), default=None)

    @property
    def results(self) -> tuple[Cell, ...]:
        """The runs with a result."""
        return tuple(cell for cell in self.cells if cell.has_result)


def _place(status: Status) -> int:
    return status.position or 1 << 30 if isinstance(status, Queued) else 0
