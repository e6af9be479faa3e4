"""Attempts that are under way in this process.

A new attempt needs no engine: its record says that it began, at which server, and what that has taken. One that an
earlier process left behind goes on in the durable engine, which is loaded and opened only where there is one.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.background import TaskHealth
from bot.core.execution.durable.leftovers import has_leftovers
from bot.core.execution.durable.step import AttemptFunction, done_once
from bot.core.storage.database import Database
from bot.core.together import end_all

if TYPE_CHECKING:
    from bot.core.execution.durable.engine import DurableEngine

_log = logging.getLogger(__name__)


class Attempts:
    """Call `open` before, and `close` after."""

    def __init__(
        self, database: Database, folder: Path, worker: str, attempt: AttemptFunction, tasks: TaskHealth
    ) -> None:
        """`folder` holds the engine's own tables where the database is not a server."""
        self._database, self._folder, self._worker = database, folder, worker
        self._attempt, self._health = attempt, tasks
        self._engine: DurableEngine | None = None
        self._tasks = set[asyncio.Task[None]]()

    async def open(self, *, resumes: bool) -> None:
        """Open the engine if attempts are to be resumed, or if it has some left. Raises `ConfigError`."""
        if resumes or await has_leftovers(self._database, self._folder):
            await self._opened()

    async def _opened(self) -> DurableEngine:
        if self._engine is None:
            await asyncio.to_thread(import_module, "bot.core.execution.durable.engine")  # it loads much
            from bot.core.execution.durable.engine import DurableEngine

            engine = DurableEngine(self._database, self._folder, self._worker, self._attempt, self._health)
            self._engine = await engine.__aenter__()
        return self._engine

    async def close(self) -> None:
        """Let go of what is under way: it is resumed when a process of this worker starts again."""
        await end_all(self._tasks)
        if self._engine is not None:
            await self._engine.__aexit__(None, None, None)

    def begin(self, run_id: str, attempt: int) -> None:
        """Begin an attempt of which this process has put on record that it is its own."""
        task = asyncio.create_task(self._attempt(run_id, attempt, done_once), name=f"run {run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def resume(self, run_id: str, attempt: int) -> None:
        """Go on with an attempt of an earlier process. When this returns the engine knows of it, and one that it knew
        already is not begun twice. Raises `StorageFailed`.
        """
        await (await self._opened()).start(run_id, attempt)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("%s stopped with an error that could not be written down", task.get_name(), exc_info=fault)
