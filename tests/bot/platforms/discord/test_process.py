"""The bot as a process that is ended and killed in the middle of a run: the same message ends with the result."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.databases import new_postgres
from tests.bot.platforms.discord.fake import APPLICATION, FakeDiscord, Silence
from tests.bot.platforms.discord.harness import ALICE, Process, fresh, opened, picture, results
from tests.bot.stepwise import StepwiseServer


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE)
        yield fake


def puts(fake: FakeDiscord) -> int:
    return sum(1 for method, path, _status in fake.requests if method == "PUT" and path.endswith("/commands"))


@pytest.mark.long
async def test_a_run_through_kills_and_a_shutdown(fake: FakeDiscord, tmp_path: Path) -> None:
    """Killed as soon as it is in line, killed while it develops, shut down, and killed with the result delivered."""
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with StepwiseServer() as server:
        server.hold()
        settings = {"COMFYUI_URLS": server.url}
        async with Process(fake, tmp_path, **settings) as process:
            asked = await fake.slash(ALICE, channel, "negative", {"photo": picture()})
            await fake.until(lambda: asked.answer.done() and not fake.whispers(asked) and fake.public)
            await process.end(signal.SIGKILL)
        (post,) = fake.public
        registered = puts(fake)
        async with Process(fake, tmp_path, **settings) as process:
            await fake.until(lambda: "%" in post.content)
            assert await process.end(signal.SIGTERM) == 0
        assert "restarting" in post.content
        async with Process(fake, tmp_path, **settings) as process:
            await fake.until(lambda: "restarting" not in post.content)
            await process.end(signal.SIGKILL)
        server.go()
        async with Process(fake, tmp_path, **settings) as process:
            (done,) = await results(fake, channel)
            await process.end(signal.SIGKILL)
        async with Process(fake, tmp_path, **settings):
            await fake.slash(ALICE, channel, "negative", {"photo": picture()})  # the server knows it: it comes at once
            await results(fake, channel, 2)
        assert done.id == post.id
        assert [opened(content).getpixel((5, 5)) for content in done.files.values()] == [(0, 89, 255)]
        assert len(fake.public) == 2
        log = process.log.read_text()
        assert "is in 1 servers" in log
        assert "voice" not in log  # the library would like to speak
        assert puts(fake) == registered  # nothing has changed, and so nothing is registered again


@pytest.mark.parametrize("taken", [True, False], ids=["posted", "not posted"])
@pytest.mark.long
async def test_killed_while_a_message_is_posted(fake: FakeDiscord, tmp_path: Path, *, taken: bool) -> None:
    """Discord may have the messages of an interaction and of a mention, or not: there is one of each in the end."""
    guild = next(iter(fake.guilds))
    here, there = fake.add_channel(guild), fake.add_channel(guild)
    async with Process(fake, tmp_path) as process:
        fake.silences = [Silence("POST", "/webhooks/", taken), Silence("POST", f"/channels/{there}/messages", taken)]
        await fake.slash(ALICE, here, "negative", {"photo": fresh()})
        await fake.say(ALICE, there, f"<@{APPLICATION}> negative", files={"photo.png": fresh()})
        await fake.until(lambda: not fake.silences)
        await process.end(signal.SIGKILL)
    before = {post.id for post in fake.public if post.author == APPLICATION}
    assert len(before) == 2 * taken
    async with Process(fake, tmp_path):
        done = [*await results(fake, here), *await results(fake, there)]
    assert [len(post.files) for post in done] == [1, 1]
    assert before <= {post.id for post in done}
    assert len([post for post in fake.public if post.author == APPLICATION]) == 2


@pytest.mark.long
async def test_a_worker_finishes_the_message_without_a_gateway(
    fake: FakeDiscord, tmp_path: Path, postgres: str
) -> None:
    """The process that speaks to Discord dies in the middle, and the interaction's token with it."""
    channel = fake.add_channel(next(iter(fake.guilds)))
    async with StepwiseServer() as server:
        server.hold()
        settings = {"COMFYUI_URLS": server.url, "DARKROOM_DATABASE_URL": new_postgres(postgres)}
        worker = Process(fake, tmp_path, "--worker", "garage", **settings)
        async with worker, Process(fake, tmp_path, "--chat", **settings) as chat:
            await fake.slash(ALICE, channel, "negative", {"photo": picture()})
            post = await fake.until(lambda: next((each for each in fake.public if "%" in each.content), None))
            await chat.end(signal.SIGKILL)
            server.go()
            fake.expire_tokens()
            (done,) = await results(fake, channel)
            assert await worker.end(signal.SIGTERM) == 0
    assert done.id == post.id
    assert [opened(content).getpixel((5, 5)) for content in done.files.values()] == [(0, 89, 255)]
    assert done.by_token[-1] is False
    assert fake.hellos == ["identify"]
