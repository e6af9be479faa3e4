"""A bot is backed up while it runs, killed, and restored elsewhere: every run ends once, what was deleted stays so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.model import Address
from bot.core.run import State
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.keeping import backup, restore, resume
from bot.settings import Secret, Settings
from bot.stores import forget
from tests.bot.databases import new_postgres
from tests.bot.forks import fork
from tests.bot.harness import Gates, QuickSettings, until
from tests.bot.survivor import note
from tests.bot.test_survival import POSTGRESQL, SQLITE, Bot, Stage, _gone, stage

GONE = "p3"  #: who wants to be forgotten after the backup


def _settings(folder: Path, database: str) -> Settings:
    return QuickSettings(
        data_dir=folder / "data",
        database=Secret(database) if database else None,
        workflows=folder / "workflows",
        backup_dir=folder.parent / "backups",
    )


async def _count(settings: Settings) -> int:
    url = settings.database.reveal() if settings.database else f"sqlite:///{settings.folder / 'darkroom.db'}"
    async with Database(url) as database:
        return sum((await RunRepository(database).counts()).values())


async def _is_known(settings: Settings, message: str) -> bool:
    url = settings.database.reveal() if settings.database else f"sqlite:///{settings.folder / 'darkroom.db'}"
    async with Database(url) as database:
        return await RunRepository(database).at(Address("test", "chat", message)) is not None


async def _paused(here: Stage) -> Bot:
    process = await fork("tests.bot.survivor", str(here.folder), "all")
    here.stack.push_async_callback(_gone, process)
    assert b"Paused" in await process.said.readline()
    return Bot(process)


@pytest.fixture(
    params=[
        pytest.param((SQLITE, SQLITE), id=SQLITE),
        pytest.param((POSTGRESQL, POSTGRESQL), id=POSTGRESQL),
        pytest.param((SQLITE, POSTGRESQL), id="sqlite to postgresql", marks=pytest.mark.long),
        pytest.param((POSTGRESQL, SQLITE), id="postgresql to sqlite", marks=pytest.mark.long),
    ]
)
def databases(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The addresses of the original's database and of one that has no tables."""
    old, new = request.param
    postgres = request.getfixturevalue("postgres") if POSTGRESQL in request.param else ""
    return (
        new_postgres(postgres) if old == POSTGRESQL else "",
        new_postgres(postgres, empty=True) if new == POSTGRESQL else "",
    )


@pytest.mark.long
async def test_a_bot_is_restored_elsewhere_and_every_run_ends_once(tmp_path: Path, databases: tuple[str, str]) -> None:
    await restored_elsewhere(tmp_path, databases, runs=12)


@pytest.mark.long
async def test_a_bot_with_200_runs_is_restored_elsewhere(tmp_path: Path, databases: tuple[str, str]) -> None:
    await restored_elsewhere(tmp_path, databases, runs=200)


async def restored_elsewhere(folder: Path, databases: tuple[str, str], *, runs: int) -> None:
    first, second = folder / "first", folder / "second"
    first.mkdir()
    old, new = _settings(first, databases[0]), _settings(second, databases[1])
    gates, third = Gates(), runs // 3
    async with stage(first, databases[0], pace=0.0, nodes=gates.nodes()) as here:
        here.stack.callback(gates.open)
        for number in range(runs):
            gate = ("before", "after", "later")[min(2, number // third)]
            asked = {"message": f"m{number}", "person": f"p{number % 4}", "color": number + 1}
            note(first / "requests.jsonl", {**asked, "workflow": "gated", "values": {"gate": gate}})
        bot = await here.start()

        async def are_taken() -> bool:
            return len(await here.runs()) == runs

        await until(are_taken)
        gates.open("before")
        await here.until(lambda: here.delivered() == third)
        made = await backup(old, folder / "kept.tar", media=None)
        assert made.runs == runs
        await forget(old, f"test:{GONE}")
        gates.open("after")
        await here.until(lambda: here.delivered() >= third + third // 2)
        await bot.kill()
        gates.open()

        assert here.delivered() < runs
        _move(here, second, databases[1])
        there = Stage(second, here.servers, here.stack)
        done = await restore(new, made.path, [], [], without_erasures=False)
        assert done.erased > 0
        assert done.runs == runs - done.erased
        assert done.unfinished > 0
        shown = there.messages()
        bot = await _paused(there)
        assert await resume(new)
        assert b"Ready" in await bot.process.said.readline()

        async def have_ended() -> bool:
            return await _count(new) == 0

        await until(have_ended)
        assert await bot.end() == 0
        _each_ended_once(there, shown)
        assert {run.state for run in await there.runs()} == {State.DONE}
        assert len(await there.runs()) == runs - done.erased
        assert not await _is_known(new, f"m{GONE[1:]}")


def _move(here: Stage, folder: Path, database: str) -> None:
    """Another place with the same servers and the same chats."""
    folder.mkdir()
    (folder / "messages").symlink_to(here.folder / "messages")
    (folder / "workflows").symlink_to(here.folder / "workflows")
    given = json.loads((here.folder / "survivor.json").read_text())
    (folder / "survivor.json").write_text(json.dumps({**given, "database": database}))


def _each_ended_once(there: Stage, before: dict[str, list[object]]) -> None:
    for name, message in there.messages().items():
        results = [entry for entry in message if "result" in entry]
        is_gone = int(name[1:]) % 4 == int(GONE[1:])
        if is_gone:
            assert message == before[name]
        else:
            assert [entry["color"] for entry in results] == [int(name[1:]) + 1], message
