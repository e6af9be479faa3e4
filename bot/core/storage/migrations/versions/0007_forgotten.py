"""Runs of people who want to be forgotten, which are deleted as soon as they have ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    op.add_column("runs", sa.Column("forgotten", sa.Integer, nullable=False, server_default="0"))
    which = sa.text("forgotten = 1")
    op.create_index("runs_to_forget", "runs", ["forgotten"], sqlite_where=which, postgresql_where=which)
    op.execute("UPDATE runs SET forgotten = 1 WHERE asked_at = 0")  # an earlier version told them by that
