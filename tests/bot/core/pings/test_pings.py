"""People are told that their requests have ended: once, also after a crash, and only those who want to be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import BadValue, DeliveryFailed, PlatformAway
from bot.core.model import Address, DisplayOptions, RunSummary
from bot.core.pings.outbox import PingOutbox
from bot.core.pings.wishes import NEVER, after_of
from bot.core.port import Ping
from bot.core.run import RunRecord
from bot.settings import Settings
from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import GroupPlatform, ask, closed, write_seeded
from tests.bot.harness import ANN, BEN, HERE, MOD, House, RecordingPlatform, failing, house, until


class _Phones(RecordingPlatform):
    """A platform that rings: `rung` has the people, with what they read."""

    def __init__(self, *, once: bool = True) -> None:
        super().__init__()
        self.pings_once = once
        self.rung: list[tuple[str, str, bool]] = []
        self.faults: list[Exception] = []

    async def ping(self, address: Address, brief: RunSummary, ping: Ping) -> None:
        shown = self.messages[address.message]
        assert shown is None or shown.last is not None  # a group has no message here
        if self.faults:
            raise self.faults.pop()
        self.rung.append((brief.person.name, ping.text, ping.direct))
        await self.note()


async def _nothing_is_due(home: House) -> None:
    outbox = home.services.runs._records.pings

    async def is_empty() -> bool:
        return not await outbox.due()

    await until(is_empty)


@pytest.mark.long
async def test_those_who_want_to_be_are_told_once_and_after_the_result(tmp_path: Path) -> None:
    phones = _Phones()
    async with house(tmp_path, phones) as home:
        pings = home.services.pings
        assert "The moderators" in await pings.choose(ANN, "")
        assert await pings.choose(ANN, "always") == "You are told whenever a request of yours has ended."
        assert "direct message" in await pings.choose(BEN, "3", direct=True)
        short, message = await home.ask(color="1")
        await home.ended(short, (await home.ask(color="2", person=BEN))[0])
        await phones.until(lambda: bool(phones.rung))
        assert message.results
        await _nothing_is_due(home)
        await pings.choose(ANN, "never")
        await home.ended((await home.ask(color="3"))[0])
        await home.services.moderation.where(MOD, HERE, DisplayOptions(ping=0))
        await pings.choose(BEN, "default")
        await home.ended((await home.ask(color="4"))[0], (await home.ask(color="5", person=BEN))[0])
        await phones.until(lambda: len(phones.rung) == 2)
        await _nothing_is_due(home)
    told = [(name, text.partition(", after")[0], direct) for name, text, direct in phones.rung]
    assert told == [("Ann", "“Plain” is done", False), ("Ben", "“Plain” is done", True)]


@pytest.mark.long
async def test_a_run_that_fails_says_so_and_one_that_is_cancelled_or_held_says_nothing(tmp_path: Path) -> None:
    phones = _Phones()
    async with house(tmp_path, phones, [EmbeddedServer(nodes=failing())]) as home:
        await home.services.pings.choose(ANN, "always")
        await home.services.moderation.review(MOD, HERE, True)
        held, message = await home.ask(color="1")
        await phones.until(lambda: "Held" in [type(status).__name__ for status in message.statuses])
        assert await home.services.runs._records.pings.due() == []
        await home.services.runs.cancel(held, ANN)
        await home.ended(held)
        kept, _message = await home.ask(color="2")
        await until(lambda: _is_held(home, kept))
        await home.services.moderation.reviews.approve(MOD, HERE, kept)
        await phones.until(lambda: len(phones.rung) == 1)
        await home.ended((await home.ask("gated", color="3", gate="x"))[0])
        await phones.until(lambda: len(phones.rung) == 2)
    assert phones.rung[0][1].startswith("“Plain” is done")
    assert phones.rung[1][1] == "“Gated” ended without a result."


class _GroupPhones(GroupPlatform, _Phones):
    pass


@pytest.mark.long
async def test_a_request_of_several_runs_is_told_once_when_its_message_says_how_all_ended(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    phones = _GroupPhones()
    async with house(tmp_path, phones) as home:
        await home.services.pings.choose(ANN, "always")
        runs = await closed(home, await ask(home, 3))
        await phones.until(lambda: bool(phones.rung))
        await _nothing_is_due(home)
    drawn = phones.groups[runs[0].address.message]
    assert (len(drawn.files), len(phones.rung)) == (3, 1)


async def _is_held(home: House, run_id: str) -> bool:
    return (await home.run(run_id)).state == "held" and (await home.run(run_id)).outcome is not None


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.long
async def test_after_a_crash_it_is_said_again_only_where_the_platform_says_it_once(tmp_path: Path, once: bool) -> None:
    now = 1_000_000.0
    async with house(tmp_path) as home:  # it has no phones, so what is due stays
        run_id, _message = await home.ask(color="1")
        await home.ended(run_id)
        run, database = await home.run(run_id), home.services.runs._records._database
        outbox = PingOutbox(database, lambda: now)
        await home.services.pings.choose(ANN, "always")
        await database.write(lambda connection: outbox.note(connection, _long(run, now)))
        [ping] = await outbox.due()
        assert await outbox.take(ping)
        assert not await outbox.take(ping)  # another process has it
        assert await outbox.due() == []
        now += 100.0
        [ping] = await outbox.due()
        assert ping.again
        await outbox.leave(ping)
        assert [each.again for each in await outbox.due()] == [False]
        [ping] = await outbox.due()
        await outbox.take(ping)
        now += 100.0
        phones = _Phones(once=once)
        phones.messages[run.address.message] = _message
        from bot.core.background import TaskHealth
        from bot.core.pings.pinger import Pinger

        async with Pinger(
            outbox, home.services.runs.get, lambda run: run.brief("Plain"), {"test": phones}, TaskHealth()
        ):
            await _gone(outbox)
        assert len(phones.rung) == once


@pytest.mark.parametrize(
    ("chosen", "told"), [("", True), ("never", False), ("9", False), ("1", True), ("always", True)]
)
@pytest.mark.long
async def test_the_operator_says_when_people_are_told_where_nobody_chose(
    tmp_path: Path, chosen: str, told: bool
) -> None:
    settings = Settings.read({"DARKROOM_PING_AFTER": chosen}, None)
    async with house(tmp_path) as home:
        run_id, _message = await home.ask(color="1")
        await home.ended(run_id)
        run, database = await home.run(run_id), home.services.runs._records._database
        outbox = PingOutbox(database, lambda: 1_000_000.0, settings.ping_after)
        await database.write(lambda connection: outbox.note(connection, _long(run, 1_000_000.0)))
        assert bool(await outbox.due()) == told


async def _gone(outbox: PingOutbox) -> None:
    async def is_gone() -> bool:
        return not await outbox.due()

    await until(is_gone)


def _long(run: RunRecord, now: float) -> RunRecord:
    return replace(run, asked_at=now - 500)


@pytest.mark.long
async def test_a_platform_that_is_away_is_tried_again_and_one_that_refuses_is_not(tmp_path: Path) -> None:
    phones = _Phones()
    async with house(tmp_path, phones) as home:
        await home.services.pings.choose(ANN, "always")
        phones.faults = [DeliveryFailed("no"), PlatformAway("away")]
        await home.ended((await home.ask(color="1"))[0])
        await until(lambda: _asked(phones, 1))
        outbox = home.services.runs._records.pings
        await until(lambda: _is_due_again(outbox))
        outbox.on_news()
        await until(lambda: _asked(phones, 0))
        await _nothing_is_due(home)
    assert phones.rung == []


async def _asked(phones: _Phones, left: int) -> bool:
    return len(phones.faults) == left


async def _is_due_again(outbox: PingOutbox) -> bool:
    return bool(await outbox.due())


def test_words_for_a_choice() -> None:
    assert [after_of(words) for words in ("never", "Always", " 5 ", "default")] == [NEVER, 0, 5, None]
    for wrong in ("soon", "-3", "99999", "٣"):
        with pytest.raises(BadValue, match="say never, always, default, or a number of minutes up to 1440"):
            after_of(wrong)


@pytest.mark.long
async def test_of_a_run_that_comes_from_a_backup_nobody_is_told(tmp_path: Path) -> None:
    """The bot that is gone may have told them."""
    async with house(tmp_path) as home:
        records = home.services.runs._records
        await home.services.pings.choose(ANN, "always")
        run_id, _message = await home.ask(color="1")
        (run,) = await home.ended(run_id)
        await _nothing_is_due(home)
        for restored, told in ((True, 0), (False, 1)):
            await records._database.write(
                lambda connection, restored=restored: records.pings.note(connection, replace(run, restored=restored))
            )
            assert len(await records.pings.due()) == told
