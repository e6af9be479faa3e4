"""Groups: several runs with one request, all or none, one message drawn from their records."""

from __future__ import annotations

import asyncio
import threading
from itertools import groupby
from pathlib import Path

import pytest

from bot.core.errors import BadValue, MessageGone, PlatformAway, TooMany, UserError
from bot.core.model import Address, Cancelled, Done, Failed, Held, Queued, RunRequest
from bot.core.platform import WordList
from bot.core.run import State
from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import GroupPlatform, ask, closed, write_seeded
from tests.bot.harness import ANN, BEN, HERE, MOD, BusyStudio, Studio, after, house, painter, until


@pytest.mark.long
async def test_each_run_has_a_seed_of_its_own_and_all_have_one_message(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        runs = await closed(home, await ask(home, 4, seed="999"))
        drawn = platform.groups[runs[0].address.message]
        assert [run.values["seed"] for run in runs] == [999, 1000, 0, 1]
        assert [run.state for run in runs] == [State.DONE] * 4
        assert sorted(drawn.files) == [1, 2, 3, 4]
        assert len(set(drawn.files.values())) == 4
        assert set(drawn.times.values()) == {1}
        others = await closed(home, await ask(home, 3))
        assert len({run.values["seed"] for run in others}) == 3


@pytest.mark.long
async def test_the_form_offers_as_many_as_the_place_allows(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with house(tmp_path, GroupPlatform()) as home:
        workflows, limit = home.services.workflows, home.services.moderation.limit
        form = await workflows.form("seeded", ANN, HERE)
        assert (form["count"].minimum, form["count"].maximum) == (1, 4)
        assert "count" not in (await workflows.form("plain", ANN, HERE)).names
        with pytest.raises(BadValue, match="use 1 to 4"):
            await ask(home, 5)
        await limit(MOD, HERE, "count", 10)
        assert len(await ask(home, 10)) == 10
        await limit(MOD, HERE, "count", 1)
        assert "count" not in (await workflows.form("seeded", ANN, HERE)).names


@pytest.mark.long
async def test_a_limit_refuses_all_or_none_and_says_how_many_fit(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with house(tmp_path, GroupPlatform()) as home:
        await home.services.moderation.limit(MOD, HERE, "day", 4)
        await home.ended((await home.ask("seeded", message="one"))[0])
        with pytest.raises(TooMany, match="You asked for four at once: three fit"):
            await ask(home, 4)
        assert len(await home.services.runs.last_of(ANN)) == 1
        await closed(home, await ask(home, 3))
        with pytest.raises(TooMany, match="You have used all of it"):
            await ask(home, 2)


@pytest.mark.long
async def test_a_cooldown_counts_a_request_once(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    async with house(tmp_path, GroupPlatform()) as home:
        await home.services.moderation.limit(MOD, HERE, "cooldown", 3600)
        assert len(await ask(home, 4)) == 4
        with pytest.raises(TooMany, match="between two runs"):
            await ask(home, 2)


@pytest.mark.long
async def test_people_take_turns_whatever_each_asks_for_at_once(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    begun, platform = threading.Event(), GroupPlatform()
    studio = BusyStudio(["a.ckpt"], 8, after(begun, lambda _color: 0.0))
    async with house(tmp_path, platform, [studio]) as home:
        hers = await ask(home, 4, workflow="slow", seed="100")
        his = await ask(home, 4, BEN, workflow="slow", seed="200")
        begun.set()  # nothing ends before both have asked
        await closed(home, hers)
        await closed(home, his)
        turns = [len(list(runs)) for _person, runs in groupby(studio.painted, lambda color: color // 100)]
        assert max(turns[:-1]) <= 2, studio.painted  # one that runs, and one that was ahead when the other one asked


@pytest.mark.long
async def test_one_that_fails_takes_no_other_and_a_cancel_takes_all(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)

    def paint(_model: str, color: int) -> None:
        if color == 11:
            raise ValueError("no such colour")

    platform = GroupPlatform()
    async with house(tmp_path, platform, [EmbeddedServer(nodes=painter(["a.ckpt"], paint))]) as home:
        runs = await closed(home, await ask(home, 3, workflow="slow", seed="10"))
        drawn = platform.groups[runs[0].address.message].last
        assert drawn is not None
        assert [type(cell.status) for cell in drawn.cells] == [Done, Failed, Done]
    studio = Studio(["a.ckpt"], lambda _color: 60.0)
    async with house(tmp_path, platform, [studio]) as home:
        ids = await ask(home, 4, workflow="slow")
        run = await home.run(ids[0])
        assert await home.services.groups.cancel(run.group_id or "", ANN)
        ended = await closed(home, ids)
        assert {each.state for each in ended} == {State.CANCELLED}
        last = platform.groups[run.address.message].last
        assert last is not None
        assert all(isinstance(cell.status, Cancelled) for cell in last.cells)


@pytest.mark.long
async def test_a_message_that_was_deleted_cancels_the_group(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform, [Studio(["a.ckpt"], lambda color: 0.0 if color == 1 else 60.0)]) as home:
        platform.fault = lambda: MessageGone()
        ids = await ask(home, 3, workflow="slow", seed="1")
        ended = await home.ended(*ids)
        assert [run.state for run in ended] == [State.DONE, State.CANCELLED, State.CANCELLED]


@pytest.mark.long
async def test_a_platform_that_was_away_gets_each_result_once(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    platform.fault = lambda: PlatformAway("away")
    async with house(tmp_path, platform) as home:
        ids = await ask(home, 2)
        await home.ended(*ids)
        await platform.until(lambda: any(drawn.fills for drawn in platform.groups.values()))
    platform.fault = lambda: None
    async with house(tmp_path, platform) as home:  # the end is still owed
        runs = await closed(home, ids)
        assert sorted(platform.groups[runs[0].address.message].files) == [1, 2]


@pytest.mark.long
async def test_one_that_was_reported_is_taken_away_and_the_others_stay(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        runs = await closed(home, await ask(home, 3, seed="5"))
        reports, drawn = home.services.moderation.reports, platform.groups[runs[0].address.message]
        await reports.report(BEN, HERE, runs[1])
        assert await reports.take_away(MOD, HERE, runs[1].id)
        await platform.until(lambda: drawn.last is not None and [each.number for each in drawn.last.results] == [1, 3])


@pytest.mark.long
async def test_again_asks_for_as_many_and_a_single_one_can_be_deleted(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        runs = await closed(home, await ask(home, 3, seed="5"))
        group, services = runs[0].group_id or "", home.services
        await services.groups.delete_cell(runs[0], ANN)
        drawn = platform.groups[runs[0].address.message]
        await platform.until(lambda: drawn.last is not None and len(drawn.last.cells) == 2)
        request = await services.groups.again(group, ANN, HERE)
        assert request.count == 3
        run_id = await services.runs.submit(request, Address("test", "chat", "again"))
        again = await services.groups.cells((await home.run(run_id)).group_id or "")
        assert len({run.values["seed"] for run in again}) == 3
        assert (await services.groups.vary(again[0].id, ANN, HERE)).count == 3
        await services.groups.delete(group, ANN)
        assert await services.groups.cells(group) == []


async def test_a_group_has_one_place_in_line(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform, [Studio(["a.ckpt"], lambda _color: 60.0)]) as home:
        await ask(home, 2, workflow="slow", seed="1")
        ids = await ask(home, 3, BEN, workflow="slow", seed="1")
        message = (await home.run(ids[0])).address.message

        def places() -> list[int | None]:
            last = platform.groups[message].last if message in platform.groups else None
            return (
                [] if last is None else [each.status.position for each in last.cells if isinstance(each.status, Queued)]
            )

        await platform.until(lambda: sum(place is not None for place in places()) == 1)


@pytest.mark.long
async def test_what_has_ended_is_shown_before_the_others_end(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform, [Studio(["a.ckpt"], lambda color: 0.0 if color < 3 else 60.0)]) as home:
        ids = await ask(home, 3, workflow="slow", seed="1")
        message = (await home.run(ids[0])).address.message
        await platform.until(lambda: message in platform.groups and len(platform.groups[message].files) == 2)

        async def is_known() -> bool:
            return (await home.run(ids[1])).state is State.DONE

        await until(is_known)


def _request(count: int) -> RunRequest:
    return RunRequest("seeded", {}, ANN, HERE, count=count)


@pytest.mark.long
async def test_a_run_that_was_asked_for_alone_is_no_group(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        run_id = await home.services.runs.submit(_request(1), Address("test", "chat", "alone"))
        await home.ended(run_id)
        assert (await home.run(run_id)).group_id is None
        assert platform.groups == {}
        assert len(platform.messages["alone"].results) == 1


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.long
async def test_moderators_are_asked_once_about_a_request_for_several(tmp_path: Path, *, approved: bool) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    sidecar = tmp_path / "workflows" / "seeded.toml"
    text = await asyncio.to_thread(sidecar.read_text)
    await asyncio.to_thread(sidecar.write_text, f'{text}[fields.name]\ntarget = "#2.filename_prefix"\n')
    platform = GroupPlatform()
    async with house(tmp_path, platform) as home:
        moderation = home.services.moderation
        await moderation.words(MOD, HERE, "list", WordList(words=("forest",), hold=True))
        runs = await ask(home, 3, name="forest")
        message = (await home.run(runs[0])).address.message

        def says_so() -> bool:
            last = platform.groups[message].last if message in platform.groups else None
            return last is not None and all(isinstance(cell.status, Held) for cell in last.cells)

        await platform.until(lambda: len(platform.asked) == 1 and says_so())
        decide = moderation.reviews.approve if approved else moderation.reviews.refuse
        assert await decide(MOD, HERE, platform.asked[0])
        ended = await closed(home, runs)
        assert {run.state for run in ended} == {State.DONE if approved else State.FAILED}
        assert len(platform.asked) == 1


@pytest.mark.long
async def test_what_has_no_seed_cannot_be_varied(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        run_id, _message = await home.ask(color="1")
        await home.ended(run_id)
        with pytest.raises(UserError, match="the same picture each time"):
            await home.services.groups.vary(run_id, ANN, HERE)
