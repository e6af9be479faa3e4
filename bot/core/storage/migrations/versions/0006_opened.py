"""Runs whose message is posted once they are on disk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    op.add_column("runs", sa.Column("opened", sa.Integer, nullable=False, server_default="1"))
