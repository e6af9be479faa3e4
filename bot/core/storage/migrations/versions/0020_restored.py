"""A mark on runs that had not ended when the backup was made that they come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0020", "0019"


def upgrade() -> None:
    op.add_column("runs", sa.Column("restored", sa.Integer, nullable=False, server_default="0"))
