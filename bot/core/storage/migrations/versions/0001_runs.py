"""Runs, and the line that they wait in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

_Count = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", _Count, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("workflow", sa.String(64), nullable=False),
        sa.Column("given", sa.JSON, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("stem", sa.Text, nullable=False),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("person_name", sa.Text, nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("place_name", sa.Text, nullable=False),
        sa.Column("community", sa.String(128), nullable=False),
        sa.Column("chat", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("turn", _Count, nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("put_off", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("avoid", sa.JSON, nullable=False),
        sa.Column("server", sa.Text),
        sa.Column("worker", sa.Text),
        sa.Column("cancelled_by", sa.Text),
        sa.Column("outputs", sa.JSON),
        sa.Column("sentence", sa.Text),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("executed_at", sa.Float),
        sa.Column("ended_at", sa.Float),
    )
    op.create_index("runs_in_line", "runs", ["state", "priority", "turn", "depth", "seq"])
    op.create_index("runs_of_person", "runs", ["person", "state", "seq"])
    op.create_index("runs_of_community", "runs", ["community", "state", "seq"])
    op.create_index("runs_of_worker", "runs", ["worker", "state"])
    op.create_index("runs_by_age", "runs", ["asked_at"])
    op.create_table(
        "uses",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("run_id", sa.String(36), primary_key=True),
    )
    op.create_index("uses_of_run", "uses", ["run_id"])
    line = op.create_table(
        "line", sa.Column("id", sa.Integer, primary_key=True), sa.Column("turn", _Count, nullable=False)
    )
    op.bulk_insert(line, [{"id": 1, "turn": 0}])
