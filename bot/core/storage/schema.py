"""The tables of the database: one schema for SQLite and PostgreSQL. `migrations/` makes and upgrades them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    text,
)

metadata = MetaData()
_Count = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows in INTEGER alone

# As `runs/statements` has them: a database uses an index for the same words alone. SQLite, which has no statistics,
# takes the index of which it can use most columns.
_FREE = "state = 'waiting' AND opened = 1 AND server IS NULL"
_BUSY = "(state = 'waiting' OR state = 'running') AND server IS NOT NULL"


def _partial_index(name: str, *columns: str | TextClause, where: str) -> Index:
    """An index of the rows for which `where` holds. Said to SQLAlchemy as an option of PostgreSQL's dialect, it would
    load that dialect with all its drivers, for a table that migrations make.
    """
    return Index(name, *columns, info={"where": where})


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
    Column("review", Integer, nullable=False, server_default="0"),  # 1: a moderator sees the result first
    Column("review_in", Text, nullable=False, server_default=""),
    Column("review_asked_at", Float),
    Column("manner", JSON),
    Column("roles", JSON, nullable=False, server_default="[]"),  # what the person was in the place when they asked
    Column("administrator", Integer, nullable=False, server_default="0"),
    Column("parents", JSON, nullable=False, server_default="[]"),  # of the place
    Column("caps", Text, nullable=False, server_default=""),  # what keeps it in line, as `line.Cap`s in JSON
    Column("opened", Integer, nullable=False, server_default="1"),  # 0: its message has still to be posted
    Column("price", JSON),  # of a run that costs money, in credits
    Column("posted_at", Float),  # when such a run was handed to a server, which may have charged for it
    Column("spared", Integer, nullable=False, server_default="0"),  # attempts that no server began
    Column("handed_over", JSON),  # the attempt that a server has taken, and its warnings
    Column("group_id", String(36)),  # of runs with one message, which one request asked for
    Column("cell", Integer, nullable=False, server_default="0"),  # which of them it is
    Column("cells", Integer, nullable=False, server_default="1"),  # how many were asked for
    Column("label", Text, nullable=False, server_default=""),  # what differs
    Column("group_open", Integer, nullable=False, server_default="0"),  # 1: their message does not say the end yet
    Column("wording", JSON),  # what its person wrote where other words are sent
    Column("restored", Integer, nullable=False, server_default="0"),  # 1: a backup had it, and it had not ended then
    Column("private", Integer, nullable=False, server_default="0"),  # 1: its message is for its person alone
    Index("runs_in_line", "state", "priority", "turn", "depth", "seq"),
    Index("runs_by_caps", "state", "caps"),
    _partial_index(
        "runs_next",  # in the order in which they are claimed
        "state",
        text("priority DESC"),
        "turn",
        "depth",
        "seq",
        where=_FREE,
    ),
    _partial_index("runs_busy", "state", "server", "person", where=_BUSY),
    Index("runs_of_person", "person", "state", "seq"),
    Index("runs_of_community", "community", "state", "seq"),
    Index("runs_of_worker", "worker", "state"),
    Column("forgotten", Integer, nullable=False, server_default="0"),  # 1: to be deleted as soon as it has ended
    Column(
        "version", String(32), nullable=False, server_default=""
    ),  # of its workflow; empty before versions were kept
    Index("runs_by_age", "asked_at"),
    _partial_index("runs_to_forget", "forgotten", where="forgotten = 1"),
    Column("searchable", Integer, nullable=False, server_default="0"),  # 1: its words are in the table of words
    _partial_index("runs_to_read", "searchable", "seq", where="searchable = 0"),
    Index("runs_of_person_in_order", "person", "seq"),
    Index("runs_by_end", "state", "ended_at"),
    _partial_index("runs_of_group", "group_id", "cell", where="group_id IS NOT NULL"),
    _partial_index("runs_of_open_groups", "group_open", where="group_open = 1"),
    Index("runs_by_message", "chat", "message"),
    Column("step", JSON),  # its place in a recipe
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

#: The servers of each worker: a sign of life, and what the server has, packed; `edition` is another when that changes.
servers = Table(
    "servers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("up", Integer, nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("edition", String(64)),
    Column("info", LargeBinary),
    Column("condition", String(16)),  # asleep, draining, …; none before there were several
    Column("wakes_in", Float),  # seconds until one that is asleep can begin a run
)

#: What operators want to know of each server, and what its worker answers: it has answered as often as it was asked.
server_states = Table(
    "server_states",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("drained", Integer, nullable=False, server_default="0"),  # 1: it gets no runs
    Column("start", Float),  # the seconds that its machine takes to start
    Column("asked", Integer, nullable=False, server_default="0"),
    Column("answered", Integer, nullable=False, server_default="0"),
    Column("report", JSON),
    Column("reported_at", Float),
    Column("free_asked", Integer, nullable=False, server_default="0"),  # how often its models were to be unloaded
    Column("free_answered", Integer, nullable=False, server_default="0"),
    Column("free_answer", JSON),
)

#: What is wrong with workers that have no chat; `beat` grows each time that one writes.
worker_troubles = Table(
    "worker_troubles",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("beat", Integer, nullable=False),
    Column("troubles", JSON, nullable=False),
)

#: What each server had when it was last seen, packed as in `servers`. It outlives the worker's row there.
definitions = Table(
    "definitions",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("edition", String(64), nullable=False),
    Column("info", LargeBinary, nullable=False),
)

#: How long nodes took at each server: the last measurements of one class with the same models.
node_times = Table(
    "node_times",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("server", Text, primary_key=True),
    Column("node", String(200), primary_key=True),
    Column("measured", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

#: People who are to be told that a request has ended; `tried_at` says that a process has begun to.
pings = Table(
    "pings",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("direct", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("tried_at", Float),
)

#: After how many minutes each person wants to be told, and whether in a direct message.
ping_wishes = Table(
    "ping_wishes",
    metadata,
    Column("person", String(128), primary_key=True),
    Column("after", Integer),
    Column("direct", Integer, nullable=False),
)

#: What platforms remember: how far a conversation has come, which messages an album became.
notes = Table(
    "notes",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

#: What moderators have decided, one row for each thing that there is to decide.
rules = Table(
    "rules",
    metadata,
    Column("seq", _Count, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("community", String(128), nullable=False),
    Column("place", String(128), nullable=False),
    Column("who", String(160), nullable=False),
    Column("workflow", String(64), nullable=False),
    Column("place_name", Text, nullable=False),
    Column("who_name", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Index("rules_of_community", "community", "kind"),
)

#: Which reading of its rules a community is at: they grow over all communities together, so that a look at what is
#: larger than the last one seen finds every change.
editions = Table(
    "editions",
    metadata,
    Column("community", String(128), primary_key=True),
    Column("edition", _Count, nullable=False, index=True),
)

#: Who decided what, and who was refused by which rule.
audit = Table(
    "audit",
    metadata,
    Column("seq", _Count, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("community", String(128), nullable=False),
    Column("place", String(128), nullable=False),
    Column("place_name", Text, nullable=False),
    Column("person", String(128), nullable=False),
    Column("person_name", Text, nullable=False),
    Column("act", String(32), nullable=False),
    Column("words", Text, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("undone", Integer, nullable=False),
    Index("audit_of_community", "community", "seq"),
    Index("audit_of_person", "person", "seq"),
    Index("audit_by_act", "act", "at"),
)

#: The words of runs: each is a number made of the person and the word, so that the same word of two people is another.
words = Table(
    "words",
    metadata,
    Column("word", BigInteger, primary_key=True, autoincrement=False),
    Column("run", BigInteger, primary_key=True, autoincrement=False),  # its `seq`
    Index("words_of_run", "run"),
    sqlite_with_rowid=False,
)

#: What people have reported: a row for each person and result. All of a result have the same `stage`.
reports = Table(
    "reports",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("person", String(128), primary_key=True),
    Column("at", Float, nullable=False),
    Column("stage", String(8), nullable=False),
    Index("reports_by_stage", "stage", "run_id"),
    Index("reports_of_person", "person", "at"),
)

#: The results that people like best.
favourites = Table(
    "favourites",
    metadata,
    Column("person", String(128), primary_key=True),
    Column("run_id", String(36), primary_key=True),
    Column("at", Float, nullable=False),
    Index("favourites_of_run", "run_id"),
)

#: Runs that are about to be deleted, and when: until then their people may want them back.
deletions = Table(
    "deletions",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("person", String(128), nullable=False),
    Column("at", Float, nullable=False),
)

#: The small picture of a file in the media store, which is there too: a run that uses the one uses the other.
thumbnails = Table(
    "thumbnails",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("small", String(128), nullable=False),
    Index("thumbnails_by_small", "small"),
)

#: What each run counts for limits. It outlives a run that is deleted, or limits could be emptied by deleting.
charges = Table(
    "charges",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("person", String(128), nullable=False),
    Column("community", String(128), nullable=False, server_default=""),
    Column("spots", Text, nullable=False),  # "|community|community/place|…"
    Column("workflow", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("seconds", Float, nullable=False),  # reserved until it is settled what they were
    Column("settled_at", Float),
    Column("credits", Float, nullable=False, server_default="0"),  # reserved; kept once the run was posted
    Index("charges_of_person", "person", "at"),
    Index("charges_of_community", "community", "at"),
    Index("charges_by_age", "at"),
    Index("charges_of_workflow", "workflow", "at"),
)

#: What people have saved at servers: where, which content, and which workflow it is; `fault` says why it cannot be one.
saved_files = Table(
    "saved_files",
    metadata,
    Column("server", String(200), primary_key=True),
    Column("user", String(200), primary_key=True),
    Column("path", String(500), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("workflow", String(64), nullable=False),
    Column("since", Integer, nullable=False),
    Column("fault", Text, nullable=False, server_default=""),
)

#: The workflows among these: how far each is offered, in which version, and who was asked about the newest.
saved_workflows = Table(
    "saved_workflows",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("title", Text, nullable=False),
    Column("stage", String(16), nullable=False),
    Column("newest", String(64), nullable=False),
    Column("shown", String(64), nullable=False),
    Column("approved", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("asked", JSON, nullable=False, server_default="[]"),
)

#: Every version of theirs: its content, packed, and what it needs.
saved_versions = Table(
    "saved_versions",
    metadata,
    Column("workflow", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("server", String(200), nullable=False),
    Column("user", String(200), nullable=False),
    Column("path", String(500), nullable=False),
    Column("needs", JSON, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

#: Which process looks after a server's saved files, and what it cannot read there.
saved_servers = Table(
    "saved_servers",
    metadata,
    Column("server", String(200), primary_key=True),
    Column("worker", Text, nullable=False),
    Column("publish", String(8), nullable=False),
    Column("at", Float, nullable=False),
    Column("faults", JSON, nullable=False),
)

#: The workflows that there are and were. `edition` grows with each change, over all of them.
workflows = Table(
    "workflows",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source", String(160), nullable=False),
    Column("path", Text, nullable=False),
    Column("layer", String(16), nullable=False),
    Column("name", String(32), nullable=False),
    Column("title", Text, nullable=False),
    Column("version", String(32), nullable=False),
    Column("gone_at", Float),
    Column("edition", BigInteger, nullable=False, index=True),
)

#: Values that people keep under a name, to fill forms in with. A code lets others have a copy.
presets = Table(
    "presets",
    metadata,
    Column("seq", _Count, primary_key=True, autoincrement=True),
    Column("person", String(128), nullable=False),
    Column("folded", Text, nullable=False),  # the name, the same however it is written
    Column("name", Text, nullable=False),
    Column("workflow", String(64), nullable=False),
    Column("given", JSON, nullable=False),
    Column("code", String(32), unique=True),
    Column("usual", Integer, nullable=False),  # 1: the person's own defaults of the workflow
    Column("at", Float, nullable=False),
    Index("presets_by_name", "person", "folded", unique=True),
    _partial_index("presets_usual", "person", where="usual = 1"),
)

#: Which accounts are of one person. `person` is the same for those that are joined; `counted` for those that count
#: together, as they do for a while after they are joined no longer.
links = Table(
    "links",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("person", String(36)),
    Column("counted", String(36), nullable=False),
    Column("at", Float, nullable=False),
    Column("ended_at", Float),  # when it last left others, or others left it
)

#: The codes with which accounts are joined, and how often each account has guessed one wrong.
link_codes = Table(
    "link_codes",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", String(64), unique=True),
    Column("at", Float, nullable=False),
    Column("wrong", Integer, nullable=False),
    Column("wrong_at", Float),
)

#: Whom operators have invited to the page. `digest` is that of the key in the link, and `host` the name of who invites.
invitations = Table(
    "invitations",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("ended_at", Float),  # when it was taken back
)

#: The browsers that were signed in with an invitation, as the accounts that they are on the page.
devices = Table(
    "devices",
    metadata,
    Column("account", String(128), primary_key=True),
    Column("invitation", String(16), nullable=False),
    Column("about", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Index("devices_of_invitation", "invitation"),
)

#: What was in the files of a workflow, packed.
workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("version", String(32), primary_key=True),
    Column("workflow", String(64), nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)
