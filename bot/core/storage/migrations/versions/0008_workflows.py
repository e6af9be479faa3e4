"""The workflows that there are and were, what was in their files, and which version a run uses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(160), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("layer", sa.String(16), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("gone_at", sa.Float),
        sa.Column("edition", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "workflow_versions",
        sa.Column("version", sa.String(32), primary_key=True),
        sa.Column("workflow", sa.String(64), nullable=False, index=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.add_column("runs", sa.Column("version", sa.String(32), nullable=False, server_default=""))
    op.execute(_EARLIER)


#: Earlier versions called a workflow by the name of its file, which is its id from now on.
_EARLIER = """
INSERT INTO workflows (id, source, path, layer, name, title, version, gone_at, edition)
SELECT workflow, '', workflow, 'folder', '', workflow, '', 0, 0 FROM (
    SELECT workflow FROM runs UNION SELECT workflow FROM rules UNION SELECT workflow FROM charges
) AS known WHERE workflow <> ''
"""
