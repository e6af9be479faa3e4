"""The nodes and models that each server had when it was last seen, for the times when it is away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0009", "0008"


def upgrade() -> None:
    op.create_table(
        "definitions",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("edition", sa.String(64), nullable=False),
        sa.Column("info", sa.LargeBinary, nullable=False),
    )
