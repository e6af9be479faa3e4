"""A visitor with many results, that were not made one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from PIL import Image
from sqlalchemy import insert

from bot.core.model import Address, Person, Place, StoredFile
from bot.core.run import Outcome, State
from bot.core.runs.queue import NewRun, _columns
from bot.core.storage.schema import runs, uses
from comfy.messages.files import kind_of
from tests.bot.platforms.web.pages import Page

_COLORS = ("tomato", "teal", "goldenrod", "slateblue", "olive", "orchid", "sienna", "steelblue", "crimson", "seagreen")


def person_of(cookies: Sequence[Mapping[str, Any]]) -> Person:
    """The visitor who has these cookies."""
    (secret,) = [each["value"] for each in cookies if each["name"] == "darkroom"]
    return Person("web", hashlib.sha256(str(secret).encode()).hexdigest()[:32], "a visitor of the page")


async def fill_results(
    web: Page, person: Person, count: int, pictures: int = 10, side: int = 256, workflow: str = "plain"
) -> None:
    """Give a visitor results, of which each shows one of so many pictures; the last one is the newest."""
    media = web.services.gallery._media
    with TemporaryDirectory() as folder:
        keys = []
        for number in range(pictures):
            path = Path(folder) / f"{number}.png"
            path.write_bytes(_picture(number, side))
            keys.append(await media.keep(path))
    rows, used = [], []
    for number in range(count):
        key = keys[number % len(keys)]
        new = _new(number, person, workflow)
        outcome = Outcome((StoredFile(key, f"result-{number}.png", "image"),))
        ended = {"state": State.DONE, "ended_at": number + 3.0, "started_at": number + 1.0, "executed_at": number + 2.0}
        rows.append(_columns(new, 1, 0, float(number)) | ended | {"outputs": msgspec.to_builtins(outcome)})
        used.append({"key": key, "run_id": new.id})
    async with web.services.gallery._pages._database.change() as connection:
        for first in range(0, count, 2000):
            await connection.execute(insert(runs), rows[first : first + 2000])
            await connection.execute(insert(uses), used[first : first + 2000])


async def fill_files(web: Page, person: Person, files: Mapping[str, bytes], workflow: str = "plain") -> None:
    """Give a visitor a result for each file; the last one is the newest."""
    media = web.services.gallery._media
    with TemporaryDirectory() as folder:
        for number, (name, content) in enumerate(files.items()):
            path = Path(folder) / name
            path.write_bytes(content)
            stored = StoredFile(await media.keep(path), name, kind_of(name))
            new = _new(number, person, workflow)
            ended = {"state": State.DONE, "ended_at": number + 3.0, "started_at": number + 1.0}
            outputs = {"executed_at": number + 2.0, "outputs": msgspec.to_builtins(Outcome((stored,)))}
            async with web.services.gallery._pages._database.change() as connection:
                await connection.execute(insert(runs), _columns(new, 1, 0, float(number)) | ended | outputs)
                await connection.execute(insert(uses), {"key": stored.key, "run_id": new.id})


def _new(number: int, person: Person, workflow: str) -> NewRun:
    run_id = f"{int(person.id[:8], 16):08x}-0000-4000-8000-{number:012x}"
    values = {"prompt": f"a lighthouse number {number} in {_COLORS[number % len(_COLORS)]} light"}
    address, here = Address("web", person.id, run_id), Place("web", person.id)
    return NewRun(run_id, workflow, values, {}, "x", person, here, address, "k", frozenset())


def _picture(number: int, side: int) -> bytes:
    buffer = BytesIO()
    base = Image.new("RGB", (side, side), _COLORS[number % len(_COLORS)])
    noise = Image.effect_noise((side // 8, side // 8), 40 + number % 50).resize((side, side))
    Image.blend(base, noise.convert("RGB"), 0.35).save(buffer, "PNG")
    return buffer.getvalue()
