"""What is on disk keeps its form: rows of version 0.1.0 are read, and what is written now can be read by it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select, update

from bot.core.model import Address, DisplayOptions, Person, Place, StoredFile
from bot.core.policy.evaluate import EffectivePolicy
from bot.core.policy.rules import Review
from bot.core.run import Outcome, RunRecord, State
from bot.core.runs.queue import NewRun, RunQueue
from bot.core.runs.repository import RunRepository
from bot.core.storage.database import Database
from bot.core.storage.schema import runs
from tests.bot.core.runs.counting import Clock

#: A row as version 0.1.0 left it, when the run's result was about to be delivered.
ROW: dict[str, Any] = json.loads("""{
    "seq": 7, "id": "a3f0", "workflow": "poster",
    "given": {"words": "Café 花", "colors": 8, "seed": 18446744073709551615, "strength": 1.0, "dither": true,
              "none": null},
    "inputs": {"photo": {"key": "ab/abc.png", "filename": "cat \\"1\\".png", "kind": "image"}},
    "stem": "cat 1", "person": "discord:7", "person_name": "Ann", "place": "discord:9", "place_name": "#art",
    "community": "discord:1", "chat": "9", "message": "{\\"message\\": 5}", "kind": "poster {}",
    "models": ["a.ckpt", "b.ckpt"], "priority": 0, "turn": 3, "depth": 1, "put_off": 2, "state": "delivering",
    "attempt": 2, "reason": "The server gpu was lost.", "avoid": ["gpu"], "server": "cpu", "worker": "w",
    "cancelled_by": null,
    "outputs": {"files": [{"key": "cd/cde.webp", "filename": "poster.webp", "kind": "image"}], "texts": ["a cat"],
                "warnings": ["late"], "nothing_new": true},
    "sentence": null, "asked_at": 1000.5, "started_at": 1002.0, "executed_at": 1010.25, "ended_at": null, "review": 1,
    "review_in": "77", "review_asked_at": null,
    "manner": {"results": "thread", "previews": false, "spoilers": null},
    "roles": ["club"], "administrator": 1, "parents": ["p", "q"], "caps": "[[\\"\\", \\"\\", 1, true]]", "opened": 1,
    "forgotten": 0
}""")
RECORD = RunRecord(
    id="a3f0",
    workflow="poster",
    kind="poster {}",
    models=frozenset({"a.ckpt", "b.ckpt"}),
    avoid=frozenset({"gpu"}),
    put_off=2,
    values={"words": "Café 花", "colors": 8, "seed": 2**64 - 1, "strength": 1.0, "dither": True, "none": None},
    inputs={"photo": StoredFile("ab/abc.png", 'cat "1".png', "image")},
    stem="cat 1",
    person=Person("discord", "7", "Ann", frozenset({"club"}), moderator=True),
    place=Place("discord", "9", "#art", "1", ("p", "q")),
    address=Address("discord", "9", '{"message": 5}'),
    state=State.DELIVERING,
    attempt=2,
    reason="The server gpu was lost.",
    server="cpu",
    worker="w",
    cancelled_by=None,
    outcome=Outcome((StoredFile("cd/cde.webp", "poster.webp", "image"),), ("a cat",), ("late",), nothing_new=True),
    sentence=None,
    asked_at=1000.5,
    started_at=1002.0,
    executed_at=1010.25,
    ended_at=None,
    review=True,
    review_in="77",
    display=DisplayOptions("thread", previews=False),
    opened=True,
    caps='[["", "", 1, true]]',
)


async def test_a_row_of_the_first_version_is_read(database: Database, records: RunRepository) -> None:
    async with database.change() as connection:
        await connection.execute(runs.insert(), ROW)
    assert await records.get("a3f0") == RECORD
    found = await records.get("a3f0")
    assert found is not None
    assert (list(found.values), type(found.values["colors"])) == (list(RECORD.values), int)


async def test_a_row_from_before_display_options_and_reviews_is_read(
    database: Database, records: RunRepository
) -> None:
    bare = {"outputs": None, "manner": None, "review": 0, "administrator": 0, "roles": [], "parents": [], "caps": ""}
    async with database.change() as connection:
        await connection.execute(runs.insert(), {**ROW, **bare})
    found = await records.get("a3f0")
    assert found is not None
    assert (found.outcome, found.display, found.review, found.person.moderator) == (
        None,
        DisplayOptions(),
        False,
        False,
    )


async def test_a_row_of_a_later_version_is_read_without_what_this_one_does_not_know(
    database: Database, records: RunRepository
) -> None:
    later = {"outputs": {**ROW["outputs"], "cost": 3}, "manner": {**ROW["manner"], "frames": True}}
    async with database.change() as connection:
        await connection.execute(runs.insert(), {**ROW, **later})
    assert await records.get("a3f0") == RECORD


async def test_what_is_written_is_what_the_first_version_wrote(
    database: Database, queue: RunQueue, records: RunRepository, clock: Clock
) -> None:
    clock.now = 1000.5
    policy = EffectivePolicy(display=RECORD.display, review=Review(channel="77"))
    named = ("id", "workflow", "values", "inputs", "stem", "person", "place", "address", "kind", "models")
    await queue.enqueue(NewRun(**{name: getattr(RECORD, name) for name in named}, policy=policy))
    state = {"state": State.DELIVERING, "attempt": 2}
    async with database.change() as connection:
        await connection.execute(update(runs).values(state))
    assert await records.save_outputs(RECORD, RECORD.outcome or Outcome())
    async with database.read() as connection:
        row = (await connection.execute(select(runs))).one()._asdict()
    later = {
        "seq",
        "turn",
        "depth",
        "put_off",
        "reason",
        "avoid",
        "server",
        "worker",
        "started_at",
        "executed_at",
        "caps",
    }
    kept = [name for name in ROW if name not in later]
    written = json.dumps([row[name] for name in kept])  # with what earlier versions pass over
    written = written.replace(', "note": ""', "").replace(', "ping": null', "").replace(', "private": null', "")
    assert written == json.dumps([ROW[name] for name in kept])
