"""Moderators' rules, the audit log, and the usage that limits count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

_Count = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("runs", sa.Column("review", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("review_in", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("review_asked_at", sa.Float))
    op.add_column("runs", sa.Column("manner", sa.JSON))
    op.add_column("runs", sa.Column("most_running", sa.Integer))
    _rules()
    _audit()
    _charges()


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("seq", _Count, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("community", sa.String(128), nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("who", sa.String(160), nullable=False),
        sa.Column("workflow", sa.String(64), nullable=False),
        sa.Column("place_name", sa.Text, nullable=False),
        sa.Column("who_name", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("rules_of_community", "rules", ["community", "kind"])
    op.create_table(
        "editions",
        sa.Column("community", sa.String(128), primary_key=True),
        sa.Column("edition", _Count, nullable=False),
    )
    op.create_index("ix_editions_edition", "editions", ["edition"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _Count, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("community", sa.String(128), nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("place_name", sa.Text, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("undone", sa.Integer, nullable=False),
    )
    op.create_index("audit_of_community", "audit", ["community", "seq"])
    op.create_index("audit_of_person", "audit", ["person", "seq"])
    op.create_index("audit_by_act", "audit", ["act", "at"])


def _charges() -> None:
    op.create_table(
        "charges",
        sa.Column("run_id", sa.String(36), primary_key=True),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("spots", sa.Text, nullable=False),
        sa.Column("workflow", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("charges_of_person", "charges", ["person", "at"])
    op.create_index("charges_by_age", "charges", ["at"])
    op.create_index("charges_of_workflow", "charges", ["workflow", "at"])
