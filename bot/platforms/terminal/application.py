"""What the terminal needs of the application around it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.core.execution.one_shot import OneShotRunner
    from bot.core.moderation.operator import OperatorService
    from bot.core.workflows.catalog import Catalog
    from bot.settings import Role, Settings


class Application(Protocol):
    """Reads workflows, and opens the bench for a server, or for the built-in engine where that is None."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def servers(self) -> tuple[str, ...]: ...

    def label(self, server: str | None) -> str: ...

    async def platform_verdicts(self) -> list[tuple[str, bool]]:
        """A line on each platform that can be asked whether it is set up well, and whether it is."""

    async def start(self, role: Role, announce: Callable[[str], None]) -> None: ...

    async def demo(self, announce: Callable[[str], None], pace: float) -> None: ...

    async def hand_over(self, worker: str) -> int: ...

    async def forget(self, person: str) -> int: ...

    async def operate(self, work: Callable[[OperatorService], Awaitable[str]]) -> str:
        """Do something with what is decided, in the database that the settings name."""

    def open(self, server: str | None) -> AbstractAsyncContextManager[OneShotRunner]: ...
