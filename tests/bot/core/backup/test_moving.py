"""A home with SQLite moves to PostgreSQL, with all its runs, and the old records are used no longer."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import ConfigError
from bot.core.execution.worker_lock import held
from bot.core.model import Person
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.key_value import KeyValueStore
from bot.keeping import move_to
from bot.settings import Role, Secret, Settings
from bot.stores import examine
from comfy.embedded import EmbeddedServer
from tests.bot.databases import RUNS, fill, new_postgres
from tests.bot.harness import Gates, RecordingPlatform, house, running

_MANY = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
    INSERT INTO runs (id, workflow, given, inputs, stem, person, person_name, place, place_name, community, chat,
        message, kind, models, priority, turn, depth, put_off, state, attempt, reason, avoid, asked_at, started_at,
        executed_at, ended_at, outputs)
    SELECT printf('00000000-0000-4000-8000-%012d', n), 'portrait',
        '{{"text": "' || hex(randomblob(200)) || '", "n": 5}}', '{{}}', 'portrait', 'discord:' || (n % 1000),
        'Person ' || (n % 1000), 'discord:7', 'Here', 'discord:9', '7', '{{}}', 'kind', '["a.safetensors"]', 0, n, 0, 0,
        'done', 1, '', '[]', 1764000000.5 + n, 1764000001.5 + n, 1764000009.5 + n, 1764000010.5 + n,
        '{{"files": [], "texts": ["' || hex(randomblob(50)) || '"]}}'
    FROM number
    """


def _filled(folder: Path, count: int) -> Settings:
    fill(folder, RUNS, "discord", "telegram")
    with closing(sqlite3.connect(folder / f"{RUNS}.db")) as file, file:
        file.execute(_MANY.format(count=count))
        file.execute("INSERT INTO uses (key, run_id) SELECT 'ab/' || id || '.png', id FROM runs")
    with closing(sqlite3.connect(folder / "telegram.db")) as file, file:
        file.execute("INSERT INTO notes (name, value, at) VALUES ('telegram:draft:1:2', '{\"a\": 1}', 5.0)")
    return Settings(data_dir=folder)


async def moved(folder: Path, url: str, count: int) -> None:
    settings = _filled(folder, count)
    assert await move_to(settings, url) == count
    async with Database(url) as opened, Database.in_folder(folder) as old:
        for person in (Person("discord", "1"), Person("discord", "999")):
            there = await RunRepository(opened).last_of(person, count)
            assert there == await RunRepository(old).last_of(person, count)
            assert there
        assert await KeyValueStore(opened).get("telegram:draft:1:2") == {"a": 1}


@pytest.mark.parametrize("count", [pytest.param(1500), pytest.param(100_000, marks=pytest.mark.long)])
async def test_all_runs_are_moved(tmp_path: Path, postgres: str, count: int) -> None:
    await moved(tmp_path, new_postgres(postgres, empty=True), count)


@pytest.mark.long
async def test_the_old_records_are_not_used_again(tmp_path: Path, postgres: str) -> None:
    url = new_postgres(postgres, empty=True)
    settings = _filled(tmp_path, 1)
    await move_to(settings, url)
    (fault,), _busy = await examine(settings, "darkroom")
    assert "were moved to postgresql://" in fault
    assert "set DARKROOM_DATABASE_URL to it" in fault
    with pytest.raises(ConfigError, match=r"were moved to postgresql://.* already"):
        await move_to(settings, url)
    assert await examine(replace(settings, database=Secret(url)), "darkroom") == ([], None)
    assert [path.name for path in tmp_path.glob("*.db") if stat.S_IMODE(path.stat().st_mode) != 0o600] == []


@pytest.mark.long
async def test_what_cannot_be_moved_is_left_as_it_is(tmp_path: Path, postgres: str) -> None:
    settings, url = _filled(tmp_path / "data", 1), new_postgres(postgres, empty=True)
    with pytest.raises(ConfigError, match="There is nothing to back up"):
        await move_to(Settings(data_dir=tmp_path / "nothing"), url)
    with pytest.raises(ConfigError, match="not that of a PostgreSQL"):
        await move_to(settings, f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(ConfigError, match="There are records of Darkroom in this database"):
        await move_to(settings, new_postgres(postgres))
    with pytest.raises(ConfigError, match="The records are in PostgreSQL already"):
        await move_to(replace(settings, database=Secret(url)), url)
    async with Database.in_folder(settings.folder) as opened, held(opened, settings.folder, Role().worker or ""):
        with pytest.raises(ConfigError, match="is already running with the data folder"):
            await move_to(settings, url)
    assert await move_to(settings, url) == 1


@pytest.mark.long
async def test_a_run_that_was_under_way_goes_on_there(tmp_path: Path, postgres: str) -> None:
    """The bot is stopped for the move, and its server goes on."""
    gates, platform, url = Gates(), RecordingPlatform(), new_postgres(postgres, empty=True)
    async with EmbeddedServer(nodes=gates.nodes()) as server:
        async with house(tmp_path, platform, [server]) as here:
            await here.offered("gated")
            run_id, message = await here.ask("gated", gate="a")
            await platform.until(running(message))
        assert await move_to(Settings(data_dir=tmp_path), url) == 1
        gates.open()
        async with house(tmp_path, platform, [server], database=Secret(url)) as here:
            await here.ended(run_id)
        assert [len(each.files) for each in message.results] == [1]
        assert list(server._jobs.history) == list(dict.fromkeys(server._jobs.history))
        assert len(server._jobs.history) == 1
