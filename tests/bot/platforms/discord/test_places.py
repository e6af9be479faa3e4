"""Places of requests: threads, forum posts, direct messages, and places where only a person has installed the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.bot.platforms.discord.fake import ALL, Asked, FakeDiscord, Post
from tests.bot.platforms.discord.harness import ALICE, BOB, fresh, house, picture, results, under_way
from tests.bot.stepwise import StepwiseServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
_ATTACH = 1 << 15


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
async def fake(server: StepwiseServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    """A Discord with a server that has the bot, and one that has not."""
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB)
        async with house(fake, tmp_path_factory.mktemp("house"), settings={"COMFYUI_URLS": server.url}):
            yield fake


@pytest.fixture
def guild(fake: FakeDiscord) -> int:
    return next(each for each in fake.guilds if each not in fake.strange)


@pytest.fixture
def channel(fake: FakeDiscord, guild: int) -> int:
    return fake.add_channel(guild)


async def run(fake: FakeDiscord, user: int, channel: int) -> Asked:
    """Ask for a picture with /run and its form, which there is everywhere."""
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "negative"}]}
    return await fake.submit(user, await fake.ask(2, data, user, channel), {"photo": fresh()})


async def mine(fake: FakeDiscord, user: int, channel: int) -> Post:
    """The list of somebody's last results."""
    asked = await fake.ask(2, {"id": "7", "name": "mine", "type": 1, "options": []}, user, channel)
    await fake.until(lambda: fake.whispers(asked)[:1] > [""])
    return fake.posts[asked.original or 0]


def direct_to(fake: FakeDiscord, user: int) -> list[Post]:
    """Return the direct messages to a person."""
    return [post for post in fake.public if fake.directs.get(post.channel) == user]


def refusals(fake: FakeDiscord, channel: int) -> int:
    return sum(status == 403 and f"/channels/{channel}/" in path for _method, path, status in fake.requests)


@pytest.mark.parametrize("forum", [False, True])
@pytest.mark.long
async def test_a_thread_is_a_place_of_its_own(
    fake: FakeDiscord, guild: int, held: StepwiseServer, *, forum: bool
) -> None:
    thread = await fake.add_thread(fake.add_channel(guild, forum=forum))
    await fake.slash(ALICE, thread, "negative", {"photo": fresh()})
    post = await under_way(fake, thread)
    fake.expire_tokens()
    held.go()
    (done,) = await results(fake, thread)
    assert done.id == post.id
    assert done.files
    assert not done.by_token[-1]


@pytest.mark.long
async def test_a_thread_that_was_put_away_is_brought_back(
    fake: FakeDiscord, channel: int, held: StepwiseServer
) -> None:
    thread = await fake.add_thread(channel)
    await fake.slash(ALICE, thread, "negative", {"photo": fresh()})
    post = await under_way(fake, thread)
    fake.expire_tokens()
    fake.archived.add(thread)
    held.go()
    (done,) = await results(fake, thread)
    assert done.id == post.id
    assert thread not in fake.archived


async def test_a_thread_needs_a_right_of_its_own(fake: FakeDiscord, channel: int) -> None:
    thread = await fake.add_thread(channel)
    may = str(int(ALL) & ~(1 << 38))
    asked = await fake.slash(ALICE, thread, "negative", {"photo": picture()}, permissions=may)
    await fake.until(lambda: any("Send Messages in Threads" in text for text in fake.whispers(asked)))


@pytest.mark.long
async def test_a_direct_message_outlasts_its_token(fake: FakeDiscord, held: StepwiseServer) -> None:
    direct = fake.add_channel()
    await run(fake, ALICE, direct)
    post = await under_way(fake, direct)
    assert "direct message" not in post.content  # it is one
    fake.expire_tokens()
    held.go()
    (done,) = await results(fake, direct)
    assert done.id == post.id
    assert done.files


@pytest.mark.long
async def test_a_picture_can_be_written_to_the_bot(fake: FakeDiscord) -> None:
    direct = fake.add_channel()
    await fake.say(ALICE, direct, "negative", files={"mine.png": fresh()})
    assert (await results(fake, direct))[0].files


@pytest.mark.long
async def test_several_pictures_are_a_run_each_if_that_is_said(fake: FakeDiscord) -> None:
    direct = fake.add_channel()
    two = {"red.png": picture(), "blue.png": fresh()}
    await fake.say(ALICE, direct, "negative", files=two)
    await fake.until(lambda: any("These are 2 files" in each.content for each in fake.posts.values()))
    await fake.say(ALICE, direct, "negative each=yes", files=two)
    await fake.until(
        lambda: any(each.labels[:2] == ["1", "2"] and len(each.files) == 2 for each in fake.posts.values())
    )


@pytest.mark.long
async def test_a_picture_is_answered_in_a_thread(fake: FakeDiscord, channel: int) -> None:
    thread = await fake.add_thread(channel)
    await fake.slash(ALICE, thread, "negative", {"photo": fresh()})
    (post,) = await results(fake, thread)
    await fake.say(BOB, thread, "<@4242> negative", answers=post)
    assert all(each.files for each in await results(fake, thread, 2))


async def test_pictures_of_others_cannot_be_seen_and_that_is_said(fake: FakeDiscord, channel: int) -> None:
    theirs = Post(fake.new_id(), channel, "look", {"mine.png": picture()}, author=ALICE)
    await fake.say(BOB, channel, "<@4242> negative", answers=theirs)
    await fake.until(lambda: any("Use this picture" in each.content for each in fake.public))


async def test_a_message_is_not_taken_where_the_result_could_not_be_shown(fake: FakeDiscord, guild: int) -> None:
    channel = fake.add_channel(guild)
    fake.permissions[channel] = str(int(ALL) & ~_ATTACH)
    await fake.dispatch("CHANNEL_CREATE", fake.channel_data(channel))
    await fake.say(BOB, channel, "<@4242> negative", files={"mine.png": picture()})
    await fake.until(lambda: any("Attach Files" in each.content for each in fake.public if each.channel == channel))


@pytest.fixture(params=["server", "messages"])
def brought(fake: FakeDiscord, request: pytest.FixtureRequest) -> int:
    """A place that the bot is not in: of a server, or between people."""
    if request.param == "messages":
        return fake.add_channel(strange=True)
    return fake.add_channel(fake.add_guild(ALICE, BOB, strange=True))


@pytest.mark.long
async def test_where_it_was_brought_along_the_token_does(fake: FakeDiscord, brought: int, held: StepwiseServer) -> None:
    await run(fake, ALICE, brought)
    post = await under_way(fake, brought)
    assert "comes to you as a direct message" in post.content
    held.go()
    (done,) = await results(fake, brought)
    assert done.id == post.id
    assert all(done.by_token)
    assert "direct message" not in done.content
    assert not refusals(fake, brought)


@pytest.mark.long
async def test_what_outlasts_the_token_there_is_a_direct_message(
    fake: FakeDiscord, brought: int, held: StepwiseServer
) -> None:
    await run(fake, ALICE, brought)
    await under_way(fake, brought)
    before = len(direct_to(fake, ALICE))
    fake.expire_tokens()
    held.go()
    await fake.until(lambda: len(direct_to(fake, ALICE)) > before)
    assert direct_to(fake, ALICE)[-1].files
    assert not refusals(fake, brought)  # nothing is tried where the bot is not let in


@pytest.mark.long
async def test_buttons_and_pictures_there(fake: FakeDiscord, brought: int) -> None:
    await run(fake, ALICE, brought)
    (post,) = await results(fake, brought)
    await fake.press(BOB, post, post.custom_id("Delete").replace("delete", "again"))  # of an older message
    again = (await results(fake, brought, 2))[-1]
    assert again.files
    data = {"id": "8", "name": "Use this picture", "type": 3, "target_id": str(post.id)}
    data |= {"resolved": {"messages": {str(post.id): fake.message(post)}}}
    picking = await fake.ask(2, data, BOB, brought)
    assert (await picking.answer)[0] == 4
    await fake.click(ALICE, post, "Delete")
    await fake.until(lambda: post.id not in fake.posts)


@pytest.mark.long
async def test_who_takes_no_messages_finds_the_files_in_mine(
    fake: FakeDiscord, brought: int, held: StepwiseServer
) -> None:
    hermit = fake.new_id()
    fake.hermits.add(hermit)
    await run(fake, hermit, brought)
    await under_way(fake, brought)
    fake.expire_tokens()
    held.go()
    await fake.until(lambda: any("/users/@me/channels" in path for _method, path, _status in fake.requests))

    while "Files of 1" not in (page := await mine(fake, hermit, brought)).labels:
        assert "1. " in page.content
    given = await fake.click(hermit, page, "Files of 1")
    await fake.until(lambda: any(each.files for each in fake.posts.values() if each.token == given.token))


async def test_commands_go_where_people_take_them(fake: FakeDiscord, guild: int) -> None:
    for command in fake.commands["global"]:
        if command["name"] != "moderate":
            assert sorted(command["integration_types"]) == [0, 1], command["name"]
            assert sorted(command["contexts"]) == [0, 1, 2], command["name"]
    assert not [each for each in fake.commands[str(guild)] if {"contexts", "integration_types"} & set(each)]
