"""Files that people save at servers, their workflows and versions, and which process looks after which server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"


def upgrade() -> None:
    op.create_table(
        "saved_files",
        sa.Column("server", sa.String(200), primary_key=True),
        sa.Column("user", sa.String(200), primary_key=True),
        sa.Column("path", sa.String(500), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("workflow", sa.String(64), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text, nullable=False, server_default=""),
    )
    op.create_table(
        "saved_workflows",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("newest", sa.String(64), nullable=False),
        sa.Column("shown", sa.String(64), nullable=False),
        sa.Column("approved", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("asked", sa.JSON, nullable=False, server_default="[]"),
    )
    op.create_table(
        "saved_versions",
        sa.Column("workflow", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("server", sa.String(200), nullable=False),
        sa.Column("user", sa.String(200), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("needs", sa.JSON, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "saved_servers",
        sa.Column("server", sa.String(200), primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("publish", sa.String(8), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("faults", sa.JSON, nullable=False),
    )
