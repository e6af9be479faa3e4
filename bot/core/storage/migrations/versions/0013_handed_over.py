"""The attempt of a run that was handed over to its server, and the warnings of the server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0013", "0012"


def upgrade() -> None:
    op.add_column("runs", sa.Column("handed_over", sa.JSON))
