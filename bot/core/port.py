"""The interfaces that a platform implements: messages, replies, and questions to moderators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from bot.core import events_log
from bot.core.errors import DeliveryFailed, NotNow
from bot.core.model import Address, Cell, GroupSummary, Result, RunSummary, Status


class TokenRefused(ConnectionError):
    """A platform no longer takes our token. The text is a sentence for the operator."""


@dataclass(frozen=True)
class BotAccount:
    """Our bot at a platform, as its token tells it: its name there, the link that invites it, and sentences that say
    what it still lacks.
    """

    name: str
    invitation: str
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """The platform's limits: bytes per file, files per message, characters per text, seconds between two edits,
    whether it shows previews, and whether it sends results: where it does not, their records are what people see.
    """

    file_bytes: int
    files: int
    text: int
    interval: float
    previews: bool = True
    sends: bool = True


class MessageOpening(Protocol):
    """A message that is posted once its run is on disk, so that a crash never leaves one without the other."""

    @property
    def draft(self) -> Address:
        """Return its future address, which is enough to find it, or to post it, after a crash."""

    async def post(self, run_id: str, cells: int = 1) -> Address:
        """Post it. Of several `cells` it is the message of their group, which `run_id` names then. Raises
        `DeliveryFailed`.
        """


class Reply(Protocol):
    """The message of a run. Both methods raise `DeliveryFailed`. `show` raises `NotNow` if the platform's rate limit
    leaves no room for a status now.

    After a crash both may be called again. A message that already shows the result stays as it is.
    """

    @property
    def limits(self) -> Limits: ...

    async def show(self, status: Status) -> None: ...

    async def deliver(self, result: Result) -> None: ...


#: Fetches the result of a run of a group.
CellResults: TypeAlias = Callable[[Cell], Awaitable[Result]]


class GroupMessage(Protocol):
    """The one message of a group. Its methods raise `DeliveryFailed`, and after a crash both may be called again."""

    @property
    def limits(self) -> Limits: ...

    async def progress(self, group: GroupSummary) -> None:
        """Show how far the group is. Raises `NotNow` if the platform's rate limit leaves no room for that now."""

    async def fill(self, group: GroupSummary, results: CellResults) -> None:
        """Show the results that there are by now; those that it shows already stay as they are. If the group has ended,
        say how, and offer what can be done with it.
        """


@runtime_checkable
class GroupDrawer(Protocol):
    """A platform with one message for all runs of a group."""

    def group(self, address: Address, group: GroupSummary) -> GroupMessage:
        """Rebuild the message of a group from data alone."""


@runtime_checkable
class ReviewAsker(Protocol):
    """A platform that can ask its moderators about a held run."""

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        """Show moderators the result of a run, or its request if there is no result yet, with ways to approve and
        refuse it. `channel` is where they want to be asked. If it is empty, ask in the place of the run if only
        moderators can see it there, or not at all: `reviews.held` lists all held runs. Raises `DeliveryFailed`.
        """


@runtime_checkable
class ReportAsker(Protocol):
    """A platform that can ask reviewers about a result that people have reported."""

    async def ask_about_report(self, brief: RunSummary, result: Result, channel: str) -> None:
        """Show reviewers a reported result in a channel, with ways to take it away and to leave it. Raises
        `DeliveryFailed`.
        """


@runtime_checkable
class ResultRemover(Protocol):
    """A platform where showing an end does not take a result out of its message."""

    async def remove(self, address: Address, brief: RunSummary) -> None:
        """Remove the messages of a result. Raises `DeliveryFailed`; those that are gone already are removed."""


@dataclass(frozen=True)
class WorkflowQuestion:
    """A question to an operator: may others run this workflow? `newest` tells the version that it is about, and both
    come back with the answer.
    """

    id: str
    newest: str
    text: str


@runtime_checkable
class OperatorAsker(Protocol):
    """A platform that can ask operators about workflows, each in a chat with them alone."""

    async def ask_operator(self, person: str, question: WorkflowQuestion) -> None:
        """Ask an operator, by the platform's id, with ways to say yes and no. Raises `DeliveryFailed`."""


@dataclass(frozen=True)
class Ping:
    """The words for a person who waited for a request: `text`, and if they want that, in a `direct` message. `group` is
    that of the runs, if the request was for several.
    """

    text: str
    direct: bool = False
    group: str | None = None


@runtime_checkable
class PingSender(Protocol):
    """A platform that can tell a person of the end of their request so that their phone says so."""

    @property
    def pings_once(self) -> bool:
        """True if the same ping, sent again soon, comes once."""

    async def ping(self, address: Address, brief: RunSummary, ping: Ping) -> None:
        """Answer the message of a run with one that mentions its person, and no one else. Nothing is sent if the result
        was a new message itself. Raises `DeliveryFailed`.
        """


@runtime_checkable
class OperatorTeller(Protocol):
    """A platform that can write to operators, each in a chat with them alone, which they have opened."""

    async def tell(self, person: str, text: str) -> None:
        """Write to an operator, by the platform's id. Raises `DeliveryFailed`."""


@runtime_checkable
class RunPoster(Protocol):
    """A platform that can post the message of a run that its person asked for elsewhere, such as on the page."""

    def posts_beside(self, address: Address) -> bool:
        """True if the bot can post a message of its own in the chat of a run's message."""

    def opened(self, brief: RunSummary, beside: Address) -> AbstractAsyncContextManager[Address | MessageOpening]:
        """Open the message of a run that has no id yet, in the chat of another run's message and hidden as that one.
        If the context is left with an error, the message is taken back. Raises `DeliveryFailed`.
        """


@runtime_checkable
class RunWatcher(Protocol):
    """A platform that also shows people the runs of their other accounts while they go on, such as the page."""

    def watch(self, person: str, brief: RunSummary) -> Reply:
        """Return what shows an account, given by its id here, what is said of a run that is theirs."""


class Replier(Protocol):
    """Rebuilds the message of a run."""

    def reply(self, address: Address, brief: RunSummary) -> Reply: ...


async def show_status(reply: Reply, status: Status) -> bool:
    """Show a status; log it if the chat refuses. False if the platform only has no room for it now."""
    try:
        await reply.show(status)
    except NotNow:
        return False
    except DeliveryFailed as fault:
        events_log.chat_refused(type(status).__name__, str(fault))
    return True
