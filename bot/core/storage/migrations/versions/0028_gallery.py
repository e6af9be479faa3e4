"""Tables for people's galleries: favourites, deletions that can still be undone, and small pictures of files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0028", "0027"


def upgrade() -> None:
    op.create_table(
        "favourites",
        sa.Column("person", sa.String(128), primary_key=True),
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("favourites_of_run", "favourites", ["run_id"])
    op.create_table(
        "deletions",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "thumbnails",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("small", sa.String(128), nullable=False),
    )
    op.create_index("thumbnails_by_small", "thumbnails", ["small"])
