"""The whole bot at a fake Discord: in this process, or in one of its own that can be killed."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from bot.core.background import TaskHealth
from bot.core.platform import Platform
from bot.core.workflows.catalog import bundled_folder
from bot.core.workflows.live.live_catalog import LiveCatalog
from bot.platforms.discord.adapter import DiscordPlatform
from bot.process import serve
from bot.settings import Role, Settings
from bot.stores import key_value
from tests.bot.databases import ENGINE, RUNS, fill
from tests.bot.forks import fork
from tests.bot.harness import layers
from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.patience import PATIENCE

ALICE, BOB, MO = 501, 502, 503
_colors = itertools.count(0x102030, 0x070503)


def environ(fake: FakeDiscord, folder: Path, **more: str) -> dict[str, str]:
    """The settings with which the bot finds the fake."""
    return {
        "DISCORD_TOKEN": "token",
        "DISCORD_API_BASE": fake.api_base,
        "DARKROOM_DATA_DIR": str(folder / "data"),
        **more,
    }


@asynccontextmanager
async def house(
    fake: FakeDiscord,
    folder: Path,
    *,
    workflows: Path | None = None,
    settings: Mapping[str, str] | None = None,
    beside: Sequence[Platform] = (),
) -> AsyncIterator[None]:
    """The bot, ready: its commands are registered in every server. Other platforms may be served beside Discord."""
    read = Settings.read(environ(fake, folder, **(settings or {})), None)
    await asyncio.to_thread(fill, read.folder, RUNS, ENGINE, "discord")
    tasks = TaskHealth()
    async with LiveCatalog(
        *layers(read.folder),
        *([workflows] if workflows else []),
        tasks=tasks,
        step=0.2,
    ) as shelf:
        platforms = [DiscordPlatform(read, key_value(read, "discord")), *beside]
        work = asyncio.create_task(serve(read, shelf, platforms, Role(), tasks, lambda _text: None))
        try:
            await fake.until(lambda: work.done() or ready(fake))
            if work.done():
                work.result()
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def ready(fake: FakeDiscord) -> bool:
    return bool(fake.sockets) and all(str(guild) in fake.commands for guild in fake.guilds if guild not in fake.strange)


async def channel_of_its_own(fake: FakeDiscord) -> int:
    """A channel of a new server, which has its commands."""
    guild = fake.add_guild(ALICE, BOB, MO)
    channel = fake.add_channel(guild)
    await fake.dispatch("GUILD_CREATE", fake.guild_create(guild))
    await fake.until(lambda: str(guild) in fake.commands)
    return channel


class Process:
    """`darkroom start` as a process of its own, ready; what it says is in `log`. Use it in `async with`."""

    def __init__(self, fake: FakeDiscord, folder: Path, *arguments: str, **settings: str) -> None:
        self._fake, self._arguments = fake, arguments
        self._has_gateway = "--worker" not in arguments
        self.log = folder / f"log{''.join(arguments)}.txt"
        self._environ = {**os.environ, **environ(fake, folder, **settings)}

    async def __aenter__(self) -> Process:
        self._identified = len(self._fake.hellos)
        await asyncio.to_thread(fill, Path(self._environ["DARKROOM_DATA_DIR"]), RUNS, ENGINE, "discord")
        with self.log.open("ab") as log:
            files = {"output": log.fileno(), "log": log.fileno()}
            self._process = await fork("bot.__main__", "start", *self._arguments, env=self._environ, **files)
        await self._fake.until(self._is_ready)
        return self

    def _is_ready(self) -> bool:
        if self._has_gateway:
            return len(self._fake.hellos) > self._identified and ready(self._fake)
        return "Ready" in self.log.read_text()

    async def __aexit__(self, *_exit: object) -> None:
        if self._process.returncode is None:
            await self.end(signal.SIGKILL)

    def memory(self) -> float:
        """Megabytes that the process has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait for the process to end; its exit status."""
        self._process.send_signal(number)
        status = await asyncio.wait_for(self._process.wait(), PATIENCE)
        await self._fake.until(lambda: not self._has_gateway or not self._fake.sockets)
        return status


async def results(fake: FakeDiscord, channel: int, count: int = 1) -> list[Post]:
    """The messages of a channel that show a result, once there are so many."""

    def shown() -> list[Post]:
        return [post for post in fake.public if post.channel == channel and "Change" in post.labels]

    await fake.until(lambda: len(shown()) >= count)
    return shown()


async def under_way(fake: FakeDiscord, channel: int) -> Post:
    """The message of the run in a channel, once it is seen to develop."""

    def shown() -> Post | None:
        return next((each for each in fake.public if each.channel == channel and "%" in each.content), None)

    post = await fake.until(shown)
    assert isinstance(post, Post)
    return post


def fresh() -> bytes:
    """A picture that the server has never seen: it knows the others' results already."""
    return picture(color=f"#{next(_colors) % 0x1000000:06x}")


def picture(width: int = 64, height: int = 48, color: str = "orange") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def noise(width: int, height: int) -> bytes:
    """A picture that no format makes small."""
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def first_file(post: Post) -> bytes:
    return next(iter(post.files.values()))


def write_wide(folder: Path) -> None:
    """A workflow with eight fields, of every kind, one of them with forty choices."""
    kinds = {
        "text": ("PrimitiveStringMultiline", "", 'kind = "text"\nrequired = true\nmax_length = 500'),
        "avoid": ("PrimitiveString", "", 'kind = "text"'),
        "model": ("PrimitiveString", "model-07", f'kind = "choice"\nchoices = {json.dumps(models())}'),
        "size": ("PrimitiveString", "small", 'kind = "choice"\nchoices = ["small", "large"]'),
        "steps": ("PrimitiveInt", 20, 'kind = "integer"\nminimum = 1\nmaximum = 50'),
        "strength": ("PrimitiveFloat", 0.5, 'kind = "number"\nminimum = 0.0\nmaximum = 1.0'),
        "tiling": ("PrimitiveBoolean", False, 'kind = "toggle"'),
        "seed": ("PrimitiveInt", 0, 'kind = "integer"\nseed = true'),
    }
    graph: dict[str, object] = {}
    lines = ['title = "Wide"', 'description = "Every kind of field."']
    for number, (name, (node, value, more)) in enumerate(kinds.items(), 1):
        graph[str(number)] = {"class_type": node, "inputs": {"value": value}, "_meta": {"title": name.title()}}
        lines += [f"[fields.{name}]", f'target = "{name.title()}.value"', more]
    graph["20"] = {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}, "_meta": {"title": "Show"}}
    (folder / "wide.json").write_text(json.dumps(graph))
    (folder / "wide.toml").write_text("\n".join(lines))


def write_copies(folder: Path, count: int) -> None:
    for number in range(count):
        write_copy(folder, f"copy_{number:03}", f"Copy {number:03}")


def write_copy(folder: Path, name: str, title: str) -> None:
    """A workflow that does what `negative` does."""
    (folder / f"{name}.json").write_text((bundled_folder() / "negative.json").read_text())
    text = (bundled_folder() / "negative.toml").read_text()
    (folder / f"{name}.toml").write_text(text.replace('"Negative"', f'"{title}"'))


def write_many(folder: Path, count: int) -> None:
    """A workflow with so many fields beside its picture."""
    graph = json.loads((bundled_folder() / "negative.json").read_text())
    lines = [(bundled_folder() / "negative.toml").read_text().replace('"Negative"', '"Many"')]
    for number in range(1, count + 1):
        title = f"F{number:02}"
        graph[str(100 + number)] = {
            "class_type": "PrimitiveString",
            "inputs": {"value": ""},
            "_meta": {"title": title},
        }
        lines.append(f'[fields.{title.lower()}]\ntarget = "{title}.value"\nkind = "text"')
    (folder / "many.json").write_text(json.dumps(graph))
    (folder / "many.toml").write_text("\n".join(lines))


def write_shy(folder: Path) -> None:
    """A workflow whose results are covered."""
    for suffix in (".json", ".toml"):
        text = (bundled_folder() / f"negative{suffix}").read_text()
        (folder / f"shy{suffix}").write_text(text if suffix == ".json" else f"spoiler = true\n{text}")


def models() -> list[str]:
    return [f"model-{number:02}" for number in range(40)]
