"""Records are the same after a backup, in either database; a place that is used, or a bad backup, changes nothing."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.core.backup.archive import BadBackup
from bot.core.backup.restorer import put_in_place
from bot.core.errors import ConfigError
from bot.core.model import Person
from bot.core.people.accounts import LinkedAccounts
from bot.core.people.invitations import InvitationRole, Invitations, as_author
from bot.core.runs.repository import RunRepository
from bot.core.storage import ledger, snapshot
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.core.storage.ledger import Erasure, ErasureLedger
from bot.keeping import backup, restore, resume
from bot.settings import Secret, Settings
from tests.bot.databases import RUNS, fill, new_postgres
from tests.bot.upgrades.kept import recording

_driven = Connection.exec_driver_sql

SQLITE, POSTGRESQL = "sqlite", "postgresql"

#: Rows with all that the two databases keep in ways of their own.
ODD = {
    "runs": """INSERT INTO runs (seq, id, workflow, given, inputs, stem, person, person_name, place, place_name,
        community, chat, message, kind, models, priority, turn, depth, put_off, state, attempt, reason, avoid,
        asked_at, ended_at, outputs, price, manner)
        VALUES (7, 'r', 'w', '{"text": "a ''quoted'' \\u0000 ünïcode 🎞"}', '{}', 's', 'test:1', 'Ann ☃', 'test:here',
        'Here', 'test:guild', 'c', '{"a": 1}', 'k', '[]', 0, 9007199254740993, 0, 0, 'done', 1, '', '[]',
        1764000000.123456, 1764000001.5, 'null', NULL, '{"spoilers": true}')""",
    "notes": """INSERT INTO notes (name, value, at)
        VALUES ('links:secret', '"abc"', 1.0), ('web status r', '5', 2.5), ('discord:sheet:1:a', '1.5', 3.0),
        ('telegram:draft:1:2', 'true', 4.0), ('telegram:album:r', '[[1, 2]]', 5.0)""",
    "saved_versions": """INSERT INTO saved_versions (workflow, number, digest, at, server, "user", path, needs, content)
        VALUES ('w', 1, 'd', 1.0, 's', 'u', 'p', '[]', {blob})""",
    "audit": """INSERT INTO audit (seq, at, community, place, place_name, person, person_name, act, words, changes,
        undone) VALUES (41, 1.0, 'test:guild', 'here', 'Here', 'test:1', 'Ann', 'allow', 'words', '[]', 0)""",
}


async def _filled(kind: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    """A database with odd rows; with SQLite the notes of platforms are in their own files."""
    if kind == SQLITE:
        fill(folder, RUNS, "discord", "telegram")
    database = await _new(kind, folder, request)
    async with database as opened, opened.change() as connection:
        for statement in ODD.values():
            blob = "decode('00ff0a', 'hex')" if kind == POSTGRESQL else "x'00ff0a'"
            await connection.run_sync(_driven, statement.replace("{blob}", blob))
    if kind == SQLITE:
        for name in snapshot.APART:
            with closing(sqlite3.connect(folder / f"{name}.db")) as file, file:
                file.execute("ATTACH ? AS main_file", [str(folder / f"{RUNS}.db")])
                its = [f"{name}:%"]
                file.execute("INSERT INTO notes SELECT * FROM main_file.notes WHERE name LIKE ?", its)
                file.execute("DELETE FROM main_file.notes WHERE name LIKE ?", its)
    return database


async def _new(kind: str, folder: Path, request: pytest.FixtureRequest) -> Database:
    folder.mkdir(exist_ok=True)
    if kind == SQLITE:
        return Database.in_folder(folder)
    return Database(new_postgres(request.getfixturevalue("postgres"), empty=True))


def _rows(path: Path) -> dict[str, list[Any]]:
    """All rows of a snapshot, with the types that SQLite has them in."""
    with closing(sqlite3.connect(path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        every = {name: file.execute(f'SELECT * FROM "{name}"') for name in tables}  # noqa: S608 - names of our own
        return {name: sorted(map(repr, rows)) for name, rows in every.items()}


@pytest.mark.parametrize("there", [SQLITE, POSTGRESQL])
@pytest.mark.parametrize("here", [SQLITE, POSTGRESQL])
@pytest.mark.long
async def test_records_are_the_same_in_either_database(
    tmp_path: Path, here: str, there: str, request: pytest.FixtureRequest
) -> None:
    old = await _filled(here, tmp_path / "old", request)
    new = await _new(there, tmp_path / "new", request)
    taken = await asyncio.to_thread(snapshot.take, old, tmp_path / "first.db")
    before = _rows(taken.path)
    assert [len(before[name]) for name in ODD] == [1, 5, 1, 1]
    await put_in_place(taken.path, new, tmp_path)
    await asyncio.to_thread(snapshot.take, new, tmp_path / "second.db")
    assert _rows(tmp_path / "second.db") == before
    async with new as opened, opened.change() as connection:  # the numbers of new rows come after those of old ones
        statement = ODD["audit"].replace("(seq, ", "(").replace("(41, ", "(")
        await connection.run_sync(_driven, statement)
        last = await connection.run_sync(_driven, "SELECT max(seq) FROM audit")
        assert last.scalar_one() > 41
    if there == SQLITE:
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").glob("*.db")} == {0o600}
        async with KeyValueStore(Database.in_folder(tmp_path / "new", "telegram")) as notes:
            assert set(await notes.starting("")) == {"telegram:draft:1:2", "telegram:album:r"}


# ------------------------------------------------------------------ whole backups


def _settings(folder: Path, name: str, url: str = "") -> Settings:
    given = Secret(url) if url else None
    return Settings(data_dir=folder / name, backup_dir=folder / "backups", database=given)


@pytest.fixture
async def kept(tmp_path: Path) -> Path:
    """A backup of some records, workflows and a file."""
    settings = _settings(tmp_path, "old")
    fill(settings.folder, RUNS)
    key = await _store(settings, b"a picture")
    async with Database.in_folder(settings.folder) as database, database.change() as connection:
        await connection.run_sync(_driven, ODD["runs"])
        for used in (key, "ff/gone.png"):
            await connection.run_sync(_driven, "INSERT INTO uses (key, run_id) VALUES (?, 'r')", (used,))
    (settings.own_workflows / "deep").mkdir(parents=True)
    (settings.own_workflows / "deep" / "own.toml").write_text("own")
    (settings.own_workflows / "checkpoint.safetensors").write_text("no workflow")
    (settings.own_workflows / ".git").mkdir()
    (settings.own_workflows / ".git" / "config").write_text("no workflow")
    settings.added_workflows.mkdir()
    (settings.added_workflows / "more.json").write_text("{}")
    made = await backup(settings, tmp_path / "kept.tar", media=None)
    assert (made.runs, made.files, made.missing) == (1, 1, 1)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"old", "backups", "kept.tar"}
    return made.path


async def _store(settings: Settings, content: bytes) -> str:
    from bot.stores import media_store

    given = settings.folder.parent / "given.png"
    given.write_bytes(content)
    key = await media_store(settings).keep(given)
    given.unlink()
    return key


def _found(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.long
async def test_files_and_workflows_come_back_and_it_waits(tmp_path: Path, kept: Path) -> None:
    settings = _settings(tmp_path, "new")
    done = await restore(settings, kept, [], [], without_erasures=False)
    assert (done.runs, done.unfinished, done.files, done.erased, done.kept) == (1, 0, 1, 0, ())
    found = [name for name in _found(settings.folder) if not name.startswith("media/")]
    assert found == ["added/more.json", "darkroom.db", "discord.db", "telegram.db", "workflows/deep/own.toml"]
    (picture,) = (settings.folder / "media").rglob("*.png")
    assert picture.read_bytes() == b"a picture"
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert await resume(settings)
    assert not await resume(settings)


@pytest.mark.long
async def test_workflows_that_are_here_and_different_stay(tmp_path: Path, kept: Path) -> None:
    settings = _settings(tmp_path, "new")
    own = settings.own_workflows / "deep" / "own.toml"
    own.parent.mkdir(parents=True)
    own.write_text("newer")
    done = await restore(settings, kept, [], [], without_erasures=False)
    assert done.kept == (str(own),)
    assert own.read_text() == "newer"


@pytest.mark.long
async def test_a_run_that_was_deleted_since_stays_deleted_with_its_file(tmp_path: Path, kept: Path) -> None:
    await ErasureLedger(tmp_path / "backups" / ledger.NAME).note_runs(["r", "another"])
    settings = replace(_settings(tmp_path, "new"), backup_dir=tmp_path / "others")
    with pytest.raises(ConfigError, match=r"There is no ledger of erasures \(erased\.jsonl\) beside kept\.tar"):
        await restore(settings, kept, [], [], without_erasures=False)
    done = await restore(settings, kept, [tmp_path / "backups" / ledger.NAME], [], without_erasures=False)
    assert (done.runs, done.files, done.erased) == (0, 0, 1)
    assert not list((settings.folder / "media").rglob("*.png"))
    assert len(ledger.read(settings.ledger)) == 2  # for the next restore
    assert b"quoted" not in b"".join(path.read_bytes() for path in settings.folder.glob("*.db"))


@pytest.mark.long
async def test_runs_that_had_not_ended_are_marked_with_all_of_their_groups(tmp_path: Path, kept: Path) -> None:
    """One that costs money counts as posted. One that has its result keeps its attempt."""
    runs = {
        "done": {},
        "waits": {"state": "'waiting'", "price": """'{"low": 1.0, "high": 2.0}'"""},
        "runs": {"state": "'running'", "worker": "'left'", "server": "'s'"},
        "made": {"state": "'delivering'", "worker": "'left'", "outputs": """'{"files": []}'"""},
        "mate": {"group_id": "'g'"},
        "open": {"group_id": "'g'", "state": "'waiting'"},
        "told": {"group_id": "'h'"},
    }
    async with Database.in_folder(tmp_path / "old") as database, database.change() as connection:
        for number, (name, changes) in enumerate(runs.items(), 10):
            await connection.run_sync(_driven, ODD["runs"].replace("(7, 'r'", f"({number}, '{name}'"))
            for column, value in changes.items():
                change = f"UPDATE runs SET {column} = {value} WHERE id = '{name}'"  # noqa: S608
                await connection.run_sync(_driven, change)
    made = await backup(_settings(tmp_path, "old"), tmp_path / "more.tar", media=None)
    done = await restore(_settings(tmp_path, "new"), made.path, [], [], without_erasures=False)
    assert done.unfinished == 4
    async with Database.in_folder(tmp_path / "new") as database:
        found = {run.id: run for run in await RunRepository(database).last_of(Person("test", "1"), 100)}
    assert {name for name, run in found.items() if run.restored} == {"waits", "runs", "made", "mate", "open"}
    again = {name for name, run in found.items() if (run.attempt, run.spared) == (2, 1)}
    assert again == {"waits", "runs", "open"}
    assert {name for name, run in found.items() if run.posted_at is not None} == {"waits"}
    assert {name for name, run in found.items() if run.worker == "darkroom"} == {"runs", "made"}


@pytest.mark.long
async def test_nobody_is_told_again_that_a_request_has_ended(tmp_path: Path, kept: Path) -> None:
    async with Database.in_folder(tmp_path / "old") as database, database.change() as connection:
        await connection.run_sync(_driven, "INSERT INTO pings (run_id, direct, at) VALUES ('r', 0, ?)", (time(),))
    made = await backup(_settings(tmp_path, "old"), tmp_path / "pinged.tar", media=None)
    settings = _settings(tmp_path, "new")
    await restore(settings, made.path, [], [], without_erasures=False)
    async with Database.in_folder(settings.folder) as database:
        assert await RunRepository(database).pings.due() == []
    async with Database.in_folder(tmp_path / "old") as database:
        assert len(await RunRepository(database).pings.due()) == 1


@pytest.mark.parametrize(("at", "erased"), [(1_764_000_000.0, 0), (1_764_000_001.0, 1)])
@pytest.mark.long
async def test_what_a_person_asked_for_after_they_were_forgotten_stays(
    tmp_path: Path, kept: Path, at: float, erased: int
) -> None:
    await ErasureLedger(tmp_path / ledger.NAME).add([Erasure(at, person="test:1")])
    done = await restore(_settings(tmp_path, "new"), kept, [], [], without_erasures=False)
    assert done.erased == erased


@pytest.mark.long
async def test_accounts_that_were_parted_since_stay_parted(tmp_path: Path, kept: Path) -> None:
    ann, anna, later = Person("test", "1", "Ann"), Person("other", "2", "Anna"), Person("web", "3")
    async with Database.in_folder(tmp_path / "old") as database:
        accounts = LinkedAccounts(database)
        for each in (anna, later):
            await accounts.join(each, await accounts.code(ann))
    long_ago, now = time() - 86_400, time()
    made = await backup(_settings(tmp_path, "old"), tmp_path / "joined.tar", media=None)
    partings = [Erasure(long_ago, parted=later.key), Erasure(now, parted=anna.key)]
    await ErasureLedger(tmp_path / ledger.NAME).add(partings)
    settings = _settings(tmp_path, "new")
    await restore(settings, made.path, [], [], without_erasures=False)
    async with Database.in_folder(settings.folder) as database:
        accounts = LinkedAccounts(database)
        await accounts.refresh()
        assert accounts.of(ann.key) == {ann.key, later.key}
        assert accounts.counted(anna.key) == {ann.key, anna.key, later.key}


@pytest.mark.long
async def test_invitations_that_were_ended_since_stay_ended(tmp_path: Path, kept: Path) -> None:
    async with Database.in_folder(tmp_path / "old") as database:
        people = Invitations(database)
        (back, key), (open_, still), (renewed, old) = [
            await people.make(name, InvitationRole.MEMBER, "Bo", None) for name in ("Ann", "Eve", "Joe")
        ]
        author, _key = await people.make("Zoe", InvitationRole.AUTHOR, "Bo", None)
        for account in ("web:1", "web:2"):
            assert await people.sign_in(open_.id, account, "Firefox")
    made = await backup(_settings(tmp_path, "old"), tmp_path / "invited.tar", media=None)
    settings = _settings(tmp_path, "new")
    written = ErasureLedger(tmp_path / ledger.NAME)
    await written.note_revoked(back.id)
    await written.note_revoked("web:1")
    await written.note_revoked(people.link(renewed.id))
    await written.note_revoked(as_author(author.id))
    await restore(settings, made.path, [], [], without_erasures=False)
    async with Database.in_folder(settings.folder) as database:
        people = Invitations(database)
        await people.refresh()
        assert [people.named_by(each) is not None for each in (key, still, old)] == [False, True, False]
        assert [each.ended_at for each in people.all if each.id == renewed.id] == [None]
        assert [people.of(each) is not None for each in ("web:1", "web:2")] == [False, True]
        assert [each.role for each in people.all if each.id == author.id] == [InvitationRole.MEMBER]


async def test_a_ledger_survives_a_process_that_is_killed_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ledger.NAME
    kept = ErasureLedger(path, clock=lambda: 5.0)
    await kept.note_runs(["a", "b"])
    with path.open("a") as file:
        file.write('{"at": 5.0, "run": "to')
    await kept.note_person("test:1")
    assert ledger.read(path) == [Erasure(5.0, "a"), Erasure(5.0, "b"), Erasure(5.0, person="test:1")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("a list of something else\n")
    with pytest.raises(ConfigError, match="is not a ledger of erasures"):
        ledger.read(path)


async def test_a_ledger_that_cannot_be_written_stops_no_deletion_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.ERROR, "darkroom"):
        await ErasureLedger(tmp_path / "file" / ledger.NAME).note_runs(["a"])
    assert [record.message for record in caplog.records] == ["erasure_not_noted"]


async def test_a_place_that_is_used_is_refused(tmp_path: Path, kept: Path, postgres: str) -> None:
    with pytest.raises(ConfigError, match=r"There are records of Darkroom in .*old \(darkroom\.db\)"):
        await restore(_settings(tmp_path, "old"), kept, [], [], without_erasures=False)
    with pytest.raises(ConfigError, match="There are records of Darkroom in this database"):
        await restore(_settings(tmp_path, "new", new_postgres(postgres)), kept, [], [], without_erasures=False)
    with pytest.raises(ConfigError, match="The database cannot be used"):
        await restore(_settings(tmp_path, "new", f"{postgres}-none"), kept, [], [], without_erasures=False)


async def test_a_bad_backup_changes_nothing(tmp_path: Path, kept: Path) -> None:
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 3])
    settings = _settings(tmp_path, "new")
    with pytest.raises(BadBackup, match="nothing was restored"):
        await restore(settings, kept, [], [], without_erasures=False)
    assert list(_found(settings.folder)) == []


async def test_a_backup_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "old")
    fill(settings.folder, RUNS)
    with closing(sqlite3.connect(settings.folder / f"{RUNS}.db")) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '9000'")
    made = await backup(settings, tmp_path / "later.tar", media=None)
    with pytest.raises(BadBackup, match="made by a newer Darkroom"):
        await restore(_settings(tmp_path, "new"), made.path, [], [], without_erasures=False)


async def test_where_there_is_no_room_for_a_backup_the_records_are_not_blamed(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def small(path: Path, *given: Any, **named: Any) -> sqlite3.Connection:
        file = connect(path, *given, **named)
        if Path(path).parent.name.startswith(".darkroom-backup-"):
            file.execute("PRAGMA max_page_count = 3")  # so SQLite says that the disk is full
        return file

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(ConfigError, match=r"The backup .* cannot be written: there is no room"):
        await backup(_settings(tmp_path, "old"), tmp_path / "more.tar", media=None)
    assert not (tmp_path / "more.tar").exists()


@pytest.mark.long
async def test_a_workflow_with_a_name_that_may_lead_elsewhere_is_named(tmp_path: Path, kept: Path) -> None:
    settings = _settings(tmp_path, "old")
    (settings.own_workflows / "12:30.json").write_text("{}")
    (settings.own_workflows / "what?.json").write_text("{}")
    made = await backup(settings, tmp_path / "more.tar", media=None)
    assert made.left_out == ("workflows/12:30.json",)
    target = _settings(tmp_path, "new")
    await restore(target, made.path, [], [], without_erasures=False)
    assert (target.own_workflows / "what?.json").exists()


@pytest.mark.long
async def test_a_backup_of_an_earlier_version_is_restored(tmp_path: Path) -> None:
    """It is made without an upgrade, as before one."""
    settings = _settings(tmp_path, "old")
    settings.folder.mkdir()
    for dump in recording("0.1.0", SQLITE).glob("*.sql"):
        with closing(sqlite3.connect(settings.folder / f"{dump.stem}.db")) as file:
            file.executescript(dump.read_text())
    made = await backup(settings, tmp_path / "kept.tar", media=None)
    with closing(sqlite3.connect(settings.folder / f"{RUNS}.db")) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [("0006",)]
    target = _settings(tmp_path, "new")
    done = await restore(target, made.path, [], [], without_erasures=False)
    assert done.runs == made.runs > done.unfinished > 0
    async with Database.in_folder(target.folder) as database:
        records = RunRepository(database)
        assert sum((await records.counts()).values()) == done.unfinished
    async with KeyValueStore(Database.in_folder(target.folder, "telegram")) as notes:
        assert await notes.starting("telegram:draft:")


async def test_an_sqlite_with_an_address_of_its_own_keeps_all_notes(tmp_path: Path, kept: Path) -> None:
    async with KeyValueStore(Database.in_folder(tmp_path / "old")) as notes:
        await notes.put("telegram:draft:1:2", "a draft")
    made = await backup(_settings(tmp_path, "old"), tmp_path / "noted.tar", media=None)
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    settings = _settings(tmp_path, "new", url)
    await restore(settings, made.path, [], [], without_erasures=False)
    async with KeyValueStore(Database(url)) as notes:
        assert await notes.get("telegram:draft:1:2") == "a draft"
    assert not list(tmp_path.glob("telegram.db"))
    again = await backup(settings, tmp_path / "again.tar", media=None)
    assert again.runs == made.runs


async def test_a_file_that_is_there_is_not_replaced(tmp_path: Path, kept: Path) -> None:
    before = kept.read_bytes()
    with pytest.raises(ConfigError, match=r"There is a file .*kept\.tar already"):
        await backup(_settings(tmp_path, "old"), kept, media=None)
    assert kept.read_bytes() == before
    with pytest.raises(ConfigError, match="There is nothing to back up"):
        await backup(_settings(tmp_path, "nothing"), tmp_path / "other.tar", media=None)
    assert {path.name for path in tmp_path.iterdir()} == {"old", "backups", "kept.tar"}


@pytest.mark.long
async def test_without_the_files_of_runs_it_says_so(tmp_path: Path, kept: Path) -> None:
    made = await backup(_settings(tmp_path, "old"), tmp_path / "small.tar", media=False)
    assert (made.files, made.media) == (0, "left out")
    done = await restore(_settings(tmp_path, "new"), made.path, [], [], without_erasures=False)
    assert (done.runs, done.files, done.media) == (1, 0, "left out")


@pytest.mark.long
async def test_files_in_an_object_store_are_in_it_on_request(tmp_path: Path, kept: Path) -> None:
    """obstore's own store of files stands for one: to us it is no folder."""
    store = (tmp_path / "old" / "media").as_uri()
    settings = replace(_settings(tmp_path, "old"), media=Secret(store))
    made = await backup(settings, tmp_path / "without.tar", media=None)
    assert (made.files, made.media) == (0, "elsewhere")
    made = await backup(settings, tmp_path / "with.tar", media=True)
    assert (made.files, made.missing, made.media) == (1, 1, "included")
    (tmp_path / "store").mkdir()
    target = replace(_settings(tmp_path, "new"), media=Secret((tmp_path / "store").as_uri()))
    assert (await restore(target, made.path, [], [], without_erasures=False)).files == 1
    assert [path.read_bytes() for path in (tmp_path / "store").rglob("*.png")] == [b"a picture"]
