"""Post: a worker's name is held by one process at a time, or two of them would execute the same runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select

from bot.core.database import Database
from bot.core.errors import ConfigError
from bot.words import _

_TRIES, _PAUSE = 10, 0.5  # a process that was killed may be a moment in going


@asynccontextmanager
async def held(database: Database, folder: Path, worker: str) -> AsyncIterator[None]:
    """Hold a worker's name; the end of the process lets go of it, however it comes. Raises `ConfigError`."""
    async with AsyncExitStack() as stack:
        try_it = await _on_server(database, worker, stack) if database.is_shared else _in_folder(folder, worker, stack)
        for _try in range(_TRIES):
            if await try_it():
                break
            await asyncio.sleep(_PAUSE)
        else:
            words = _("A worker called “{name}” is at work already: give this one another name, or end that one first.")
            raise ConfigError(words.format(name=worker))
        yield


async def _on_server(database: Database, worker: str, stack: AsyncExitStack) -> Callable[[], Awaitable[bool]]:
    connection = await database.session()
    stack.push_async_callback(connection.close)
    stack.push_async_callback(connection.invalidate)  # its lock ends with it
    lock = select(func.pg_try_advisory_lock(func.hashtext(f"darkroom worker {worker}")))

    async def try_it() -> bool:
        return bool((await connection.execute(lock)).scalar_one())

    return try_it


def _in_folder(folder: Path, worker: str, stack: AsyncExitStack) -> Callable[[], Awaitable[bool]]:
    file = stack.enter_context((folder / f"{worker}.lock").open("w"))

    async def try_it() -> bool:
        if sys.platform == "win32":
            return True
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return try_it
