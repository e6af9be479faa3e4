"""Results of several pictures, from the request to what people do with one of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests.bot.platforms.telegram.harness import Conversation, forged, picture, serving
from tests.bot.platforms.telegram.server import BotApi, Kept, bot_api

_COLORS = (0xFF0000, 0x00FF00, 0x0000FF)


@pytest_asyncio.fixture
async def api(tmp_path: Path) -> AsyncIterator[BotApi]:
    """A bot with the workflow `three`, which makes three pictures."""
    folder = tmp_path / "workflows"
    folder.mkdir()
    graph = {}
    for number, color in enumerate(_COLORS, 1):
        blank = {"width": 16, "height": 16, "batch_size": 1, "color": color}
        graph[str(number)] = {"class_type": "EmptyImage", "inputs": blank}
        save = {"images": [str(number), 0], "filename_prefix": "x"}
        graph[str(number + 10)] = {"class_type": "SaveImage", "inputs": save}
    (folder / "three.json").write_text(json.dumps(graph))
    (folder / "three.toml").write_text('title = "Three"\n')
    async with bot_api() as api, serving(api, tmp_path, DARKROOM_WORKFLOWS=str(folder)):
        yield api


def color(message: Kept) -> tuple[int, ...]:
    return Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((3, 3))  # type: ignore[return-value]


async def left(chat: Conversation, count: int) -> None:
    await chat.api.until(lambda: len(chat.messages) == count)


async def album(chat: Conversation) -> list[Kept]:
    """The messages of a result of three pictures: these, and the words and buttons."""
    await chat.write("/three")
    await chat.result()
    await left(chat, 4)  # the one that said how far it was is removed
    *pictures, last = chat.messages
    assert [each.kind for each in pictures] == ["photo"] * 3
    assert "Three for" in last.text
    return chat.messages


@pytest.mark.long
async def test_a_reply_to_one_picture_of_an_album_takes_its_file_as_it_was_made(api: BotApi) -> None:
    chat = Conversation(api)
    _first, _second, third, _words = await album(chat)
    await chat.write("/negative", reply_to=third.id)
    assert color(await chat.result(2)) == tuple(255 - each for each in color(third))
    assert api.made("getFile") == []  # it is not the copy that Telegram compressed


@pytest.mark.long
async def test_the_buttons_below_an_album_are_those_of_its_run_alone(api: BotApi) -> None:
    chat, other = Conversation(api), Conversation(api)
    words = (await album(chat))[-1]
    await other.write("/negative", photo=picture())
    theirs = await other.result()
    there = Conversation(api, chat.chat, other.user)
    for data in (theirs.buttons()["Delete"], "o:try"):
        press = forged(there, data)
        press.id = press.data["message_id"] = words.id
        assert "another message" in await there.notice(await there.press(press, "x"))
    await chat.press(words, "2")
    await api.until(lambda: "· 2 ·" in words.buttons())
    await chat.press(words, "Original")
    await left(chat, 5)
    document = chat.messages[-1]
    assert (document.kind, color(document)) == ("document", (0, 255, 0))
    await chat.press(words, "Use as input")
    await chat.answer("What would you like?")
    assert words in chat.messages
    await chat.press(words, "Delete")
    await api.until(lambda: words not in chat.messages)
