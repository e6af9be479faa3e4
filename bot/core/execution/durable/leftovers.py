"""Find out whether the engine has anything to do, without loading it: mostly, it has nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

from bot.core.errors import ConfigError
from bot.core.storage.database import Database, in_short
from bot.i18n import _

FILE = "engine.db"  #: in the data folder, where the database is not a server
_PATIENCE = 10.0  # seconds that another process may take


async def has_leftovers(database: Database, folder: Path) -> bool:
    """True if attempts of an earlier process stand in the engine's tables. Raises `ConfigError`, `StorageFailed`."""
    if database.is_shared:
        return await database.ask(_at_server)
    try:
        return await asyncio.to_thread(_in_file, folder / FILE)
    except sqlite3.Error as fault:
        raise unusable(fault) from fault


def unusable(fault: Exception) -> ConfigError:
    """Return what to say where the engine's tables cannot be opened."""
    return ConfigError(_("The engine's tables cannot be used: {reason}").format(reason=in_short(fault)))


def _at_server(connection: Connection) -> bool:
    if connection.execute(text("SELECT to_regclass('dbos.workflow_status')")).scalar_one() is None:
        return False
    return connection.execute(text("SELECT 1 FROM dbos.workflow_status LIMIT 1")).one_or_none() is not None


def _in_file(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
        named = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'workflow_status'").fetchone()
        return named is not None and connection.execute("SELECT 1 FROM workflow_status LIMIT 1").fetchone() is not None
