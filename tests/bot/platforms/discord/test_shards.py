"""Discord recommends two shards, as it does beyond 2,500 servers: one process hears of all servers."""

from __future__ import annotations

import logging
from pathlib import Path

import discord
import pytest

from tests.bot.platforms.discord.fake import FakeDiscord
from tests.bot.platforms.discord.harness import ALICE, BOB, fresh, house, results


async def _at_once(self: discord.Client, shard: int | None, *, initial: bool = False) -> None:
    """The library waits five seconds between two shards, as Discord asks."""


@pytest.mark.long
async def test_one_process_serves_the_servers_of_two_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(discord.Client, "before_identify_hook", _at_once)
    caplog.set_level(logging.INFO, "darkroom")

    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.getMessage().startswith("platform_")]

    async with FakeDiscord() as fake:
        fake.shards = 2
        guilds = [fake.add_guild(ALICE, BOB, shard=shard) for shard in (0, 1)]
        assert [fake.shard_of(guild) for guild in guilds] == [0, 1]
        channels = [*map(fake.add_channel, guilds)]
        async with house(fake, tmp_path):  # all have their commands
            assert (fake.hellos, sorted(fake.sockets.values())) == (["identify"] * 2, [0, 1])
            for channel in channels:
                await fake.slash(ALICE, channel, "negative", {"photo": fresh()})
            for channel in channels:
                assert (await results(fake, channel))[0].files
            _kind, said = await (await fake.slash(BOB, fake.add_channel(), "help")).answer
            assert said["content"]  # in a direct message

            joined = fake.add_guild(ALICE, shard=1)
            await fake.dispatch("GUILD_CREATE", fake.guild_create(joined))
            await fake.until(lambda: fake.commands.get(str(joined)))

            fake.silent_shards.add(1)
            await fake.drop()
            await fake.slash(BOB, channels[0], "negative", {"photo": fresh()})
            assert (await results(fake, channels[0], 2))[1].files  # one shard is back
            assert told()[1:] == ["platform_disconnected"]
            fake.silent_shards.clear()
            fake.changed.set()
            await fake.slash(BOB, channels[1], "negative", {"photo": fresh()})
            assert (await results(fake, channels[1], 2))[1].files  # what was said meanwhile is heard later
            assert (fake.hellos[2:], told()[1:]) == (["resume"] * 2, ["platform_disconnected", "platform_connected"])
