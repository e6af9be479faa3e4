"""The conditions of servers, and what operators ask of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0023", "0022"


def upgrade() -> None:
    op.add_column("servers", sa.Column("condition", sa.String(16)))
    op.add_column("servers", sa.Column("wakes_in", sa.Float))
    op.create_table(
        "server_states",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("drained", sa.Integer, nullable=False, server_default="0"),
        sa.Column("start", sa.Float),
        sa.Column("asked", sa.Integer, nullable=False, server_default="0"),
        sa.Column("answered", sa.Integer, nullable=False, server_default="0"),
        sa.Column("report", sa.JSON),
        sa.Column("reported_at", sa.Float),
        sa.Column("free_asked", sa.Integer, nullable=False, server_default="0"),
        sa.Column("free_answered", sa.Integer, nullable=False, server_default="0"),
        sa.Column("free_answer", sa.JSON),
    )
