"""A mark on runs whose message is for their person alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0025", "0024"


def upgrade() -> None:
    op.add_column("runs", sa.Column("private", sa.Integer, nullable=False, server_default="0"))
