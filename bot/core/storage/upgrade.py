"""The revision of a database's tables, and the way to the newest one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.core.errors import ConfigError
from bot.i18n import _

_MIGRATIONS = Path(__file__).parent / "migrations"
UNCHANGED = "UPDATE alembic_version SET version_num = version_num"  #: fails where a database is read only, or full


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision of the schema. Raises `ConfigError` where they are newer than the code."""
    current = refuse_newer(connection)
    if current != revisions()[-1] or revision != "head":
        _upgrade_to(connection, revision)
    connection.execute(text(UNCHANGED))  # or it is read only, or full


def try_upgrade(connection: Connection) -> None:
    """Do what an upgrade needs the right for. The caller takes it back."""
    current = refuse_newer(connection)
    if current == revisions()[-1]:
        connection.execute(text(UNCHANGED))
        return
    connection.execute(text("CREATE TABLE darkroom_probe (tried INTEGER)"))
    if connection.dialect.name == "postgresql" and not current:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS dbos"))  # the engine's


def _upgrade_to(connection: Connection, revision: str) -> None:
    from alembic import command  # most starts find nothing to upgrade, and are faster without it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@cache
def revisions() -> list[str]:
    """Return the revisions of the schema that the code knows, oldest first: their files begin with them."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def revision(connection: Connection) -> str | None:
    """Return the revision that the tables are at; None if there are none."""
    return max(_revisions(connection), default=None)


def _revisions(connection: Connection) -> set[str]:
    is_new = not inspect(connection).has_table("alembic_version")
    return set() if is_new else set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def refuse_newer(connection: Connection) -> str | None:
    """Return the revision that the tables are at. Raises `ConfigError` where the code does not know it."""
    current = _revisions(connection)
    if not current <= set(revisions()):
        raise ConfigError(_("The database was made by a newer Darkroom: update Darkroom, or name another database."))
    return max(current, default=None)
