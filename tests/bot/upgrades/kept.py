"""A data folder and the chats around it as text that can be kept for years: how it is written, and how it is read."""

from __future__ import annotations

import base64
import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.bot.platforms.discord.fake import FakeDiscord, Post
from tests.bot.platforms.telegram.server import BotApi, Kept

DATA = Path(__file__).parents[2] / "data"
VERSIONS = ("0.1.0",)
SQLITE, POSTGRESQL = "sqlite", "postgresql"
_CDN = "http://discord.example"  # stands for the address of the Discord that a bot was recorded with
_TIMES = {
    "runs": ("asked_at", "started_at", "executed_at", "ended_at", "review_asked_at"),
    "audit": ("at",),
    "charges": ("at", "settled_at"),
    "notes": ("at",),
    "servers": ("at",),
}


def recording(version: str, kind: str) -> Path:
    return DATA / f"v{version}" / kind


# ------------------------------------------------------------------ written


def write(
    folder: Path, house: Path, database: str, discord: FakeDiscord, telegram: BotApi, cast: dict[str, Any]
) -> None:
    """Keep the data folder `house` of a bot that has ended; `database` is a PostgreSQL's dump, or empty."""
    folder.mkdir(parents=True)
    found = {f"{name.stem}.sql": _dumped(name) for name in sorted(house.glob("*.db"))}
    texts = {"postgresql.sql": database} if database else found
    for name, text in texts.items():
        (folder / name).write_text(text.replace(_address(discord), _CDN))
    for file in sorted((house / "media").rglob("*.*")):
        kept = folder / file.relative_to(house)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(file.read_bytes())
    chats = {"discord": _discord(discord), "telegram": _telegram(telegram), "cast": cast}
    (folder / "chats.json").write_text(json.dumps(chats, indent=1).replace(_address(discord), _CDN) + "\n")


def _dumped(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return "\n".join(database.iterdump()) + "\n"


def _address(discord: FakeDiscord) -> str:
    return f"http://127.0.0.1:{discord.port}"


def _discord(fake: FakeDiscord) -> dict[str, Any]:
    posts = [vars(post) | {"files": _texts(post.files), "edits": []} for post in fake.posts.values()]
    members = {guild: sorted(each) for guild, each in fake.members.items()}
    given = {"guilds": fake.guilds, "channels": fake.channels, "members": members, "commands": fake.commands}
    return {**given, "posts": posts, "cdn": _texts(fake.cdn)}


def _telegram(api: BotApi) -> dict[str, Any]:
    messages = [vars(each) | {"media": None} for each in api.messages.values() if not each.deleted]
    given = {"administrators": sorted(api.administrators), "commands": api.commands, "files": _texts(api.files)}
    return {**given, "messages": messages, "chats": list(api.chats.values()), "updates": next(api._update_ids)}


def _texts(files: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in files.items()}


# ------------------------------------------------------------------ read


def restore_chats(folder: Path, discord: FakeDiscord, telegram: BotApi) -> dict[str, Any]:
    """Let the platforms remember what was said; who took part, by name."""
    chats = json.loads((folder / "chats.json").read_text().replace(_CDN, _address(discord)))
    _restore_discord(discord, chats["discord"])
    _restore_telegram(telegram, chats["telegram"])
    cast: dict[str, Any] = chats["cast"]
    return cast


def _restore_discord(fake: FakeDiscord, kept: dict[str, Any]) -> None:
    for name in ("guilds", "channels"):
        getattr(fake, name).update({int(key): value for key, value in kept[name].items()})
    fake.members = {int(guild): set(people) for guild, people in kept["members"].items()}
    fake.commands, fake.cdn = kept["commands"], _bytes(kept["cdn"])
    for post in kept["posts"]:
        fake.posts[post["id"]] = Post(**post | {"files": _bytes(post["files"])})


def _restore_telegram(api: BotApi, kept: dict[str, Any]) -> None:
    api.administrators = {(chat, person) for chat, person in kept["administrators"]}
    api.commands, api.files = kept["commands"], _bytes(kept["files"])
    api.chats = {chat["id"]: chat for chat in kept["chats"]}
    api.messages = {(each["chat"], each["id"]): Kept(**each) for each in kept["messages"]}
    api._update_ids = itertools.count(kept["updates"])
    api._ids = itertools.count(max(each["id"] for each in kept["messages"]) + 1000)
    api._file_ids = itertools.count(len(api.files) + 1000)


def _bytes(files: dict[str, str]) -> dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in files.items()}


def restore_data(folder: Path, house: Path, database: str, discord: FakeDiscord, age: float) -> None:
    """Make the data folder as it was; it is `age` seconds younger, as if it had been left a moment ago. `database` is
    the address of an empty PostgreSQL, or empty.
    """
    house.mkdir(parents=True)
    for file in (folder / "media").rglob("*.*"):
        kept = house / file.relative_to(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(file.read_bytes())
    for dump in folder.glob("*.sql"):
        text = dump.read_text().replace(_CDN, _address(discord))
        if database:
            with psycopg.connect(database) as server:
                server.execute(text)  # type: ignore[call-overload]
                for change in _younger({"runs", "audit", "charges", "notes", "servers"}, age):
                    server.execute(f"SET search_path = public; {change}")  # type: ignore[call-overload]
        else:
            with closing(sqlite3.connect(house / f"{dump.stem}.db")) as file_of, file_of:
                file_of.executescript(text)
                tables = {name for (name,) in file_of.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                for change in _younger(tables, age):
                    file_of.execute(change)


def _younger(tables: set[str], age: float) -> Iterator[str]:
    for table, columns in _TIMES.items():
        if table in tables:
            changes = ", ".join(f"{column} = {column} + {age}" for column in columns)
            yield f"UPDATE {table} SET {changes}"  # noqa: S608 - names and a number of our own
