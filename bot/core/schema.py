"""The tables of the database: one schema for SQLite and PostgreSQL. `migrations/` makes and upgrades them."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()
_Count = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows in INTEGER alone

#: A row a run, from its place in line to long after its end. Times are seconds since 1970.
runs = Table(
    "runs",
    metadata,
    Column("seq", _Count, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("workflow", String(64), nullable=False),
    Column("given", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("stem", Text, nullable=False),
    Column("person", String(128), nullable=False),
    Column("person_name", Text, nullable=False),
    Column("place", String(128), nullable=False),
    Column("place_name", Text, nullable=False),
    Column("community", String(128), nullable=False),
    Column("chat", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("models", JSON, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", _Count, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("put_off", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("avoid", JSON, nullable=False),
    Column("server", Text),
    Column("worker", Text),
    Column("cancelled_by", Text),
    Column("outputs", JSON),
    Column("sentence", Text),
    Column("asked_at", Float, nullable=False),
    Column("started_at", Float),
    Column("executed_at", Float),
    Column("ended_at", Float),
    Index("runs_in_line", "state", "priority", "turn", "depth", "seq"),
    Index("runs_of_person", "person", "state", "seq"),
    Index("runs_of_community", "community", "state", "seq"),
    Index("runs_of_worker", "worker", "state"),
    Index("runs_by_age", "asked_at"),
    Index("runs_by_message", "chat", "message"),
)

#: Which run uses which file of the media store: a file goes when its last run does.
uses = Table(
    "uses",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("run_id", String(36), primary_key=True),
    Index("uses_of_run", "run_id"),
)

#: One row: the turn that was taken last, which is where a newcomer joins the line.
line = Table("line", metadata, Column("id", Integer, primary_key=True), Column("turn", _Count, nullable=False))

#: What platforms remember: how far a conversation has come, which messages an album became.
notes = Table(
    "notes",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Float, nullable=False),
)
