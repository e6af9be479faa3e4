"""The price of runs that cost money, and the time when they were handed to a server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0011", "0009"


def upgrade() -> None:
    op.add_column("runs", sa.Column("price", sa.JSON))
    op.add_column("runs", sa.Column("posted_at", sa.Float))
    op.add_column("charges", sa.Column("credits", sa.Float, nullable=False, server_default="0"))
