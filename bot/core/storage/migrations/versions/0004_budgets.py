"""Limits of whole places; what keeps a run in line; and what its person was when they asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("roles", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("administrator", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("parents", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("caps", sa.Text, nullable=False, server_default=""))
    op.drop_column("runs", "most_running")
    op.create_index("runs_by_caps", "runs", ["state", "caps"])
    op.add_column("charges", sa.Column("community", sa.String(128), nullable=False, server_default=""))
    op.add_column("charges", sa.Column("settled_at", sa.Float))
    op.create_index("charges_of_community", "charges", ["community", "at"])
    mine = "SELECT community FROM runs WHERE runs.id = charges.run_id"
    op.execute(f"UPDATE charges SET community = COALESCE(({mine}), '')")  # noqa: S608 - all of it stands here
    unfinished = "SELECT id FROM runs WHERE ended_at IS NULL"
    op.execute(f"UPDATE charges SET settled_at = at WHERE run_id NOT IN ({unfinished})")  # noqa: S608
