"""Groups: runs with one message, which one request asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0015", "0014"


def upgrade() -> None:
    op.add_column("runs", sa.Column("group_id", sa.String(36)))
    op.add_column("runs", sa.Column("cell", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("cells", sa.Integer, nullable=False, server_default="1"))
    op.add_column("runs", sa.Column("label", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("group_open", sa.Integer, nullable=False, server_default="0"))
    for name, columns, where in (
        ("runs_of_group", ["group_id", "cell"], "group_id IS NOT NULL"),
        ("runs_of_open_groups", ["group_open"], "group_open = 1"),
    ):
        only = sa.text(where)
        op.create_index(name, "runs", columns, sqlite_where=only, postgresql_where=only)
