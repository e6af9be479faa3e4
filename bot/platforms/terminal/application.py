"""The parts of the application that the terminal uses."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from bot.core.backup.maker import BackupMade
    from bot.core.backup.restorer import Restored
    from bot.core.care.desk import ServerDesk
    from bot.core.care.model_files import ModelFetcher
    from bot.core.execution.one_shot import OneShotRunner
    from bot.core.moderation.operator import OperatorService
    from bot.core.platform import PackedData
    from bot.core.servers.nearby import FoundServer
    from bot.core.sources.library import TemplateLibrary
    from bot.core.workflows.catalog import Catalog
    from bot.preflight import Findings
    from bot.settings import Role, Settings
    from bot.setup.checks import CheckedBot
    from bot.setup.service import SetupEnd


class Application(Protocol):
    """Reads workflows, and opens a runner for a server, or for the built-in engine if that is None."""

    @property
    def catalog(self) -> Catalog: ...

    async def learn(self, servers: Sequence[str | None]) -> None:
        """Read the workflows that wait for a server with what these have; None is the built-in engine. Servers that do
        not answer are passed over.
        """

    def learn_from(self, definitions: Mapping[str, Any]) -> None:
        """Read the workflows that wait for a server with an answer of `/object_info`."""

    @property
    def settings(self) -> Settings: ...

    @property
    def servers(self) -> tuple[str, ...]: ...

    def label(self, server: str | None) -> str: ...

    async def nearby(self) -> list[FoundServer]:
        """Return the ComfyUI servers that run on this machine at the usual ports."""

    async def check_server(self, address: str, token: str) -> FoundServer:
        """Ask an address what is there. Raises `BadValue`."""

    async def check_bot(self, platform: str, token: str, allowed: str) -> CheckedBot:
        """Ask a platform about the token of a bot. Raises `BadValue`."""

    def is_unset(self) -> bool:
        """True if nothing is set up in this folder or in the environment."""

    async def set_up(self, announce: Callable[[str], None]) -> SetupEnd:
        """Serve the page of the first setup until it ends; `announce` gets its address with the key. The settings are
        read again then.
        """

    async def examine(self, role: Role) -> Findings:
        """Find what `start` would refuse in this role."""

    async def saved(self) -> list[str]:
        """Say what people saved at servers, which worker looks after which, and what cannot be used, in lines."""

    async def platform_verdicts(self) -> list[tuple[str, bool]]:
        """Check the setup of each platform: a line of text, and True if it is good."""

    async def start(self, role: Role, announce: Callable[[str], None]) -> None: ...

    async def demo(self, announce: Callable[[str], None], pace: float) -> None: ...

    async def hand_over(self, worker: str) -> int: ...

    async def forget(self, person: str) -> int: ...

    async def export(self, person: str, path: Path) -> PackedData:
        """Write what is kept of a person to a new file. Raises `ConfigError`, `StorageFailed` and `OSError`."""

    async def backup(self, path: Path, *, media: bool | None) -> BackupMade:
        """Write a backup to a new file. `media` says whether the files of runs are in it; None: if they are in a
        folder. Raises `ConfigError` and `StorageFailed`.
        """

    async def restore(self, path: Path, ledgers: Sequence[Path], *, without_erasures: bool) -> Restored:
        """Restore a backup, but for what the ledgers of erasures say. Raises `ConfigError` and `StorageFailed`."""

    async def move_to(self, url: str) -> int:
        """Copy all records from SQLite to an empty PostgreSQL. Returns the number of runs. Raises `ConfigError`."""

    async def resume(self) -> bool:
        """Let what was restored go on. Returns False if it was not waiting."""

    async def operate(self, work: Callable[[OperatorService], Awaitable[str]]) -> str:
        """Do something with the moderators' decisions in the configured database."""

    def desk(self) -> AbstractAsyncContextManager[ServerDesk]:
        """Open what operators see of servers, beside a bot that runs. Raises `ConfigError`."""

    def model_fetcher(self, tell: Callable[[int, int], None]) -> ModelFetcher:
        """Return what fetches models into the folder in the settings; `tell` hears of bytes. Raises `ConfigError`."""

    async def definitions(self, server: str | None) -> Mapping[str, Any]:
        """Return `/object_info` of a server, of the first one in the settings, or of the built-in engine."""

    def library(self, server: str | None) -> AbstractAsyncContextManager[TemplateLibrary]:
        """Open the library of workflows of a server, or of the first one in the settings."""

    def open(self, server: str | None) -> AbstractAsyncContextManager[OneShotRunner]: ...
