"""Questions that are answered too late, files that come late, and lists too long for one page: a bot for each test."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import Kept, Refused, bot_api


def color(message: Kept) -> tuple[int, ...]:
    return Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((3, 3))  # type: ignore[return-value]


def is_yellow(pixel: tuple[int, ...]) -> bool:
    return pixel[2] < 60 < pixel[0]


@pytest.mark.long
async def test_a_question_ends_after_an_hour_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.platforms.telegram.forms.fsm._KEPT", -1.0)
    monkeypatch.setattr("bot.platforms.telegram.adapter._EXPIRE_EVERY", 0.05)
    async with bot_api() as api, serving(api, tmp_path):
        chat, group = Conversation(api), Conversation(api, api.group(-100910))
        await chat.write(photo=picture("red"))
        await group.write("/negative")
        for each in (chat, group):
            ended = await each.answer("no answer for an hour")
            assert not ended.buttons()


@pytest.mark.long
async def test_what_comes_after_the_hour_is_a_request_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        chat = Conversation(api)
        await chat.write("/polaroid")
        await chat.answer("Photo", button="All fields")
        monkeypatch.setattr("bot.platforms.telegram.forms.fsm._KEPT", -1.0)
        await chat.write("a word on something else")
        await chat.answer("no answer for an hour")
        monkeypatch.undo()
        await chat.answer("What would you like?")


@pytest.mark.long
async def test_a_file_that_telegram_does_not_give_at_once_is_asked_for_again(tmp_path: Path) -> None:
    async with bot_api() as api, serving(api, tmp_path):
        api.refuse["getFile"] = [
            Refused(502, "Bad Gateway"),
            Refused(429, "Too Many Requests: retry after 1", retry_after=1),
        ]
        chat = Conversation(api)
        await chat.write("/negative", photo=picture("blue"))
        assert is_yellow(color(await chat.result()))


def write_many(folder: Path) -> str:
    """A folder with 115 workflows, one of which has a field with 330 choices."""
    folder.mkdir()
    blank = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    for number in range(115):
        (folder / f"style-{number:03}.json").write_text(json.dumps({"1": blank, "2": save}))
        (folder / f"style-{number:03}.toml").write_text(f'title = "Style {number:03}"\n')
    choices = json.dumps([number * 1000 for number in range(330)])
    field = f'[fields.shade]\ntarget = "#1.color"\nkind = "choice"\nchoices = {choices}\nrequired = true\n'
    (folder / "style-000.toml").write_text(f'title = "Style 000"\n{field}')
    return str(folder)


@pytest.mark.long
async def test_all_that_there_is_can_be_reached_by_pages_and_by_typing(tmp_path: Path) -> None:
    folder = write_many(tmp_path / "many")
    async with bot_api() as api, serving(api, tmp_path, DARKROOM_WORKFLOWS=folder):
        chat = Conversation(api)
        await chat.write("/start")
        first = await chat.answer("What would you like?", "Write a part of a name", button="→")
        assert len(first.buttons()) <= 16
        await chat.press(first, "»")
        last = await chat.answer("What would you like?", button="Style 114")
        assert "←" in last.buttons()
        await chat.write("style 07")
        found = await chat.answer("Found with “style 07”", button="Style 077")
        assert "Style 080" not in found.buttons()
        await chat.write("style 000")
        asked = await chat.answer("Style 000: Shade", "Write a part of a name", button="»")
        assert "1/28" in asked.buttons()
        await chat.write("290")
        narrower = await chat.answer("Style 000: Shade", button="290000")
        assert {"29000", "290000"} <= narrower.buttons().keys()
        await chat.press(narrower, "290000")
        await chat.result()
