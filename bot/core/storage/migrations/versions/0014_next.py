"""Indexes for the runs that are next, and for those on servers: a claim reads no others, however long the line is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0014", "0013"


def upgrade() -> None:
    for name, columns, where in (
        (
            "runs_next",
            ["state", "priority DESC", "turn", "depth", "seq"],
            "state = 'waiting' AND opened = 1 AND server IS NULL",
        ),
        ("runs_busy", ["state", "server", "person"], "(state = 'waiting' OR state = 'running') AND server IS NOT NULL"),
    ):
        only = sa.text(where)
        op.create_index(name, "runs", [sa.text(each) for each in columns], sqlite_where=only, postgresql_where=only)
