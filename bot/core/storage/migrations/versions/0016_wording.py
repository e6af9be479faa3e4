"""The words that the person of a run wrote, where others are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0016", "0015"


def upgrade() -> None:
    op.add_column("runs", sa.Column("wording", sa.JSON))
