"""How many attempts of a run ended before a server began: they are not counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"


def upgrade() -> None:
    op.add_column("runs", sa.Column("spared", sa.Integer, nullable=False, server_default="0"))
