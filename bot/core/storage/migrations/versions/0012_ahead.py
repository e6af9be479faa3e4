"""The attempts of a run that no server began: they do not count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"


def upgrade() -> None:
    op.add_column("runs", sa.Column("spared", sa.Integer, nullable=False, server_default="0"))
