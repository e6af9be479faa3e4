"""Events during a run: cancels, lost messages, dead tokens, lost connections, changes of the menu."""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.core import metrics
from bot.core.workflows.catalog import bundled_folder
from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, fresh, house, results, under_way
from tests.bot.stepwise import StepwiseServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[StepwiseServer]:
    async with StepwiseServer() as server:
        yield server


@pytest.fixture
def held(server: StepwiseServer) -> Iterator[StepwiseServer]:
    """The ComfyUI, at which runs wait to go on."""
    server.hold()
    yield server
    server.go()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(
    own: Path, server: StepwiseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FakeDiscord]:
    """A Discord with a server, and the bot at it; the first connection is refused."""
    async with FakeDiscord() as fake:
        fake.refuse_gateway = 1
        fake.add_guild(ALICE, BOB, MO)
        settings = {"COMFYUI_URLS": server.url}
        async with house(fake, tmp_path_factory.mktemp("house"), workflows=own, settings=settings):
            yield fake


@pytest.fixture
def channel(fake: FakeDiscord) -> int:
    return fake.add_channel(next(iter(fake.guilds)))


async def test_the_first_connection_was_tried_again(fake: FakeDiscord) -> None:
    assert fake.refuse_gateway == 0
    assert fake.sockets


async def test_one_message_develops_into_the_picture(fake: FakeDiscord, channel: int, held: StepwiseServer) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    post = await under_way(fake, channel)
    assert post.labels == ["Cancel"]
    await fake.until(lambda: any(name.startswith("preview") for name in post.files))
    first = post.content
    held.step()
    await fake.until(lambda: "%" in post.content and post.content != first)
    held.go()
    (done,) = await results(fake, channel)
    assert done.id == post.id
    assert list(done.files) == ["negative-negative.png"] or len(done.files) == 1
    assert all(done.by_token)
    begun = [at for at, content in done.edits if "%" in content]
    assert len(begun) >= 2
    assert all(later - earlier >= 1.9 for earlier, later in itertools.pairwise(begun))


async def test_the_presence_says_what_is_going_on(fake: FakeDiscord, channel: int, held: StepwiseServer) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    await fake.until(lambda: any("1 developing" in words for words in fake.presences))
    held.go()
    await results(fake, channel)


@pytest.mark.usefixtures("held")
async def test_its_person_can_cancel_it_and_nobody_else(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    post = await under_way(fake, channel)
    refused = await fake.click(BOB, post, "Cancel")
    await fake.until(lambda: any("Only the person who asked" in text for text in fake.whispers(refused)))
    await fake.click(ALICE, post, "Cancel")
    await fake.until(lambda: "Cancelled by User 501" in post.content)
    assert post.labels == ["Again", "Change", "Delete"]
    assert not post.files


@pytest.mark.long
async def test_a_token_that_dies_in_the_middle(fake: FakeDiscord, channel: int, held: StepwiseServer) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    post = await under_way(fake, channel)
    fake.expire_tokens()
    held.go()
    (done,) = await results(fake, channel)
    assert done.id == post.id
    assert done.files
    assert done.by_token[-1] is False


@pytest.mark.parametrize("told", ["told", "many", "missed"])
@pytest.mark.long
async def test_a_message_deleted_in_the_middle_cancels_its_run(
    fake: FakeDiscord, channel: int, held: StepwiseServer, told: str
) -> None:
    guild = fake.channels[channel]
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    post = await under_way(fake, channel)
    sent = len(fake.public)
    about = {"channel_id": str(channel), "guild_id": str(guild)}
    if told == "missed":
        del fake.posts[post.id]  # the next edit finds out
        held.step()
    elif told == "told":
        await fake.dispatch("MESSAGE_DELETE", {"id": str(post.id), **about})
    else:
        await fake.dispatch("MESSAGE_DELETE_BULK", {"ids": ["1", str(post.id)], **about})
    first = ""
    while "cancelled" not in first:
        mine = await fake.slash(ALICE, channel, "mine")
        await fake.until(lambda mine=mine: any(fake.whispers(mine)))
        first = fake.whispers(mine)[0].splitlines()[0]
        assert "done" not in first
    assert "was deleted, so the run was cancelled" in await decisions(fake, channel)
    assert len(fake.public) == sent - (told == "missed")  # nothing is posted in its place


async def decisions(fake: FakeDiscord, channel: int) -> str:
    """The moderators' log."""
    data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": "log", "type": 1, "options": []}]}
    asked = await fake.ask(2, data, MO, channel, own_permissions=str(1 << 5))
    return "\n".join(await fake.until(lambda: list(filter(None, fake.whispers(asked)))))


@pytest.mark.long
async def test_what_cannot_be_shown_there_comes_to_its_person(
    fake: FakeDiscord, channel: int, held: StepwiseServer
) -> None:
    await fake.slash(BOB, channel, "negative", {"photo": fresh()})
    await under_way(fake, channel)
    fake.expire_tokens()
    fake.strange.add(channel)
    held.go()
    try:
        done = await fake.until(lambda: next((each for each in fake.public if not fake.channels[each.channel]), None))
    finally:
        fake.strange.discard(channel)
    assert done.files  # to them alone


@pytest.mark.long
async def test_a_lost_connection_loses_nothing(
    fake: FakeDiscord, channel: int, held: StepwiseServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "darkroom")
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    await under_way(fake, channel)
    await fake.drop()
    other = fake.add_channel(next(iter(fake.guilds)))
    await fake.slash(ALICE, other, "negative", {"photo": fresh()})
    held.go()
    assert (await results(fake, channel))[0].files
    assert (await results(fake, other))[0].files
    assert fake.hellos[-1] == "resume"
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("platform_")]
    assert told == ["platform_disconnected", "platform_connected"]


async def test_a_rate_limit_in_front_of_the_result(fake: FakeDiscord, channel: int, held: StepwiseServer) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
    post = await under_way(fake, channel)
    edits, limits = metrics.edits["discord"], metrics.rate_limits["discord"]
    fake.fail("PATCH", f"/messages/{post.id}", 429, times=3)
    held.go()
    assert (await results(fake, channel))[0].files
    assert metrics.rate_limits["discord"] == limits + 3
    assert metrics.edits["discord"] > edits


async def test_servers_hear_of_a_new_workflow(fake: FakeDiscord, own: Path) -> None:
    guild = next(iter(fake.guilds))
    for suffix in (".json", ".toml"):
        shutil.copyfile(bundled_folder() / f"negative{suffix}", own / f"brand-new{suffix}")
    await fake.until(lambda: any(each["name"] == "brand_new" for each in fake.commands[str(guild)]))


async def test_a_server_that_is_joined_gets_its_commands(fake: FakeDiscord) -> None:
    guild = fake.add_guild(ALICE)
    await fake.dispatch("GUILD_CREATE", fake.guild_create(guild))
    commands = await fake.until(lambda: fake.commands.get(str(guild)))
    assert "polaroid" in [each["name"] for each in commands]


async def test_a_server_that_refuses_commands_stops_no_other(fake: FakeDiscord) -> None:
    closed, open_ = fake.add_guild(ALICE), fake.add_guild(ALICE)
    fake.fail("PUT", f"/guilds/{closed}/commands", 403, {"code": 50001, "message": "Missing Access"}, times=99)
    for guild in (closed, open_):
        await fake.dispatch("GUILD_CREATE", fake.guild_create(guild))
    await fake.until(lambda: fake.commands.get(str(open_)))
    await fake.until(lambda: any(f"/guilds/{closed}/" in path for _method, path, _status in fake.requests))
    assert str(closed) not in fake.commands
