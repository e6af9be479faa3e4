"""A platform as a process runs it."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from bot.core.model import Address, RunSummary
from bot.core.port import Reply
from bot.core.runs.service import RunService


class Platform(Protocol):
    """A place that people chat at. Use it in `async with`: that opens what replies need, and sends nothing yet.

    `serve` is called once at a time, and again after it has failed: one that is away for a while stops no other.
    """

    @property
    def name(self) -> str: ...

    async def __aenter__(self) -> Platform: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def serve(self, desk: RunService) -> None:
        """Take requests until cancelled. A process that only works with servers never calls it."""

    def reply(self, address: Address, brief: RunSummary) -> Reply:
        """Rebuild a reply from data alone."""
