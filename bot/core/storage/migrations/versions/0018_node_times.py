"""The times that each kind of node took at each server, for estimates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0018", "0017"


def upgrade() -> None:
    op.create_table(
        "node_times",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("server", sa.Text, primary_key=True),
        sa.Column("node", sa.String(200), primary_key=True),
        sa.Column("measured", sa.JSON, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
