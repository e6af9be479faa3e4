"""The troubles of workers that have no chat, for processes that have one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0027", "0026"


def upgrade() -> None:
    op.create_table(
        "worker_troubles",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("troubles", sa.JSON, nullable=False),
    )
