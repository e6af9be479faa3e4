"""People who are to be told that their request has ended, and the wishes of people about that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0021", "0020"


def upgrade() -> None:
    op.create_table(
        "pings",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("direct", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("tried_at", sa.Float),
    )
    op.create_table(
        "ping_wishes",
        sa.Column("person", sa.String(128), primary_key=True),
        sa.Column("after", sa.Integer),
        sa.Column("direct", sa.Integer, nullable=False),
    )
