"""Recipes: the place of a run among the steps of one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0024", "0023"


def upgrade() -> None:
    op.add_column("runs", sa.Column("step", sa.JSON))
