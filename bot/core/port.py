"""What a platform implements, so that runs can be told to people: messages, replies, and questions to moderators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.core.model import Address, Result, RunSummary, Status


@dataclass(frozen=True)
class Limits:
    """What a platform takes: bytes a file, files a message, characters a text, seconds between two edits."""

    file_bytes: int
    files: int
    text: int
    interval: float


class MessageOpening(Protocol):
    """A message that is posted when its run is on disk, so that no crash leaves one of them without the other."""

    @property
    def draft(self) -> Address:
        """Where it is going to be: enough to find it, or to post it, after a crash."""

    async def post(self, run_id: str) -> Address:
        """Post it. Raises `DeliveryFailed`."""


class Reply(Protocol):
    """The one message that a run is to its person. Both methods raise `DeliveryFailed`, and `show` its `NotNow`, where
    the platform's pace leaves no room for a status at the moment.

    After a crash either may be asked for again: a message that shows a run's result already is left as it is.
    """

    @property
    def limits(self) -> Limits: ...

    async def show(self, status: Status) -> None: ...

    async def deliver(self, result: Result) -> None: ...


@runtime_checkable
class ReviewAsker(Protocol):
    """A platform that can ask its moderators about a run that waits for their yes."""

    async def ask(self, brief: RunSummary, result: Result | None, channel: str) -> None:
        """Show them a run with ways to approve and refuse it, which `desk.moderation.reviews` then does: its result,
        or its request where there is none yet. `channel` is where they want to be asked; empty where they have not
        said, and then it is in the place of the run, if only moderators see it there, or nowhere: `reviews.held` lists
        all. Raises `DeliveryFailed`.
        """


class Replier(Protocol):
    """What rebuilds the message of a run."""

    def reply(self, address: Address, brief: RunSummary) -> Reply: ...
