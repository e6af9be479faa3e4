"""What is wrong with a worker that has no chat reaches operators over the database."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.core.background import TaskHealth
from bot.core.storage.database import Database
from bot.core.watching import notices, shared
from bot.core.watching.shared import TroubleReader, TroubleWriter
from bot.core.watching.trouble import Trouble, Weight
from bot.settings import Role, Secret
from tests.bot.core.runs.counting import Clock
from tests.bot.databases import new_postgres
from tests.bot.harness import house
from tests.bot.tellers import Teller

RESTS = Trouble("remark", "server gpu", "server gpu: it rests", Weight.REMARK, detail="look at its log")
AWAY = Trouble("server", "gpu", "the server gpu cannot be reached", Weight.QUIET)


async def test_troubles_of_a_worker_at_work_are_read_and_those_of_one_that_is_gone_are_not(
    database: Database, clock: Clock
) -> None:
    found = [RESTS, AWAY]

    async def look() -> list[Trouble]:
        return found

    writer, reader = TroubleWriter(database, "far", look, TaskHealth()), TroubleReader(database, clock)
    await writer.step()
    assert await reader.look() == []  # it may have been written long ago
    await writer.step()
    [told] = await reader.look()  # all see servers for themselves
    assert (told.key, told.words, told.detail) == (
        ("remark", "far/server gpu"),
        "far: server gpu: it rests",
        RESTS.detail,
    )
    assert told.weight is Weight.QUIET
    clock.now += 59
    assert await reader.look() == [told]
    clock.now += 2
    assert await reader.look() == []
    await writer.step()
    assert await reader.look() == [told]
    found.clear()
    await writer.step()
    assert await reader.look() == []


@pytest.mark.long
async def test_operators_hear_of_a_worker_in_another_process(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (notices, shared):
        monkeypatch.setattr(module, "_EVERY", 0.05)
    database, teller = Secret(new_postgres(postgres)), Teller()
    async with AsyncExitStack() as stack:
        chat = house(tmp_path, teller, [], Role(worker=None), database=database, operators=("test:7",))
        await stack.enter_async_context(chat)
        role = Role(chat=False, worker="far")
        far = await stack.enter_async_context(house(tmp_path, Teller("other"), None, role, database=database))
        far.services.health.tasks.remark("server gpu", "it rests")
        await teller.until(lambda: any("far: server gpu: it rests" in text for _person, text in teller.told))
