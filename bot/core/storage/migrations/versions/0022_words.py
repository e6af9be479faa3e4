"""A table to find runs by their words, and an index for a person's runs in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0022", "0021"


def upgrade() -> None:
    op.add_column("runs", sa.Column("searchable", sa.Integer, nullable=False, server_default="0"))
    only = sa.text("searchable = 0")
    op.create_index("runs_to_read", "runs", ["searchable", "seq"], sqlite_where=only, postgresql_where=only)
    op.create_index("runs_of_person_in_order", "runs", ["person", "seq"])
    op.create_table(
        "words",
        sa.Column("word", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("words_of_run", "words", ["run"])
