"""The servers of each worker, for the processes that do not reach them; and runs by their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    op.create_table(
        "servers",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("up", sa.Integer, nullable=False),
        sa.Column("at_once", sa.Integer, nullable=False),
        sa.Column("edition", sa.String(64)),
        sa.Column("info", sa.LargeBinary),
    )
    op.create_index("runs_by_end", "runs", ["state", "ended_at"])
