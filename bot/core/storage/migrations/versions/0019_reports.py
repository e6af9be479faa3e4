"""A table for the results that people report: a row for each person and result."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0019", "0018"


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("person", sa.String(128), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
    )
    op.create_index("reports_by_stage", "reports", ["stage", "run_id"])
    op.create_index("reports_of_person", "reports", ["person", "at"])
