"""Several with one request: a message that says how many are done, then an album with numbered buttons below."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from contextlib import closing
from io import BytesIO
from itertools import groupby
from pathlib import Path

import pytest
from PIL import Image

from comfy.embedded import EmbeddedServer
from tests.bot.core.groups.recording import write_seeded, write_worded
from tests.bot.harness import BusyStudio, Studio, after, painter, until
from tests.bot.onward import gate_that_fails_once, write_onward, write_recipe
from tests.bot.platforms.telegram.harness import Conversation, forged, serving, start, stop
from tests.bot.platforms.telegram.server import Kept, bot_api


def blue(message: Kept) -> int:
    """The colour of a picture, which is its seed; photos stay as they are here."""
    found = Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((3, 3))
    assert isinstance(found, tuple)
    return int(found[1]) * 256 + int(found[2])


async def album(chat: Conversation, count: int) -> list[Kept]:
    """The pictures of a group, and the words and buttons below."""
    await chat.api.until(lambda: len(chat.messages) == count + 1 and "Again" in chat.messages[-1].buttons())
    assert [each.kind for each in chat.messages[:-1]] == ["photo"] * count
    return chat.messages


async def taken(folder: Path, count: int) -> None:
    """Wait until so many runs are on record."""

    async def are_there() -> bool:
        with closing(sqlite3.connect(folder / "data" / "darkroom.db")) as database:
            ((found,),) = database.execute("SELECT count(*) FROM runs")
        return bool(found == count)

    await until(are_there)


async def test_an_album_with_numbers_below(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    folder = str(tmp_path / "workflows")
    async with bot_api() as api, serving(api, tmp_path, DARKROOM_WORKFLOWS=folder):
        chat = Conversation(api)
        await chat.write("/seeded count=3 seed=5")
        first, _second, _third, words = await album(chat, 3)
        assert [blue(each) for each in chat.messages[:-1]] == [5, 6, 7]
        assert set(words.buttons()) == {"1", "2", "3", "Again", "Change", "Original", "Delete all"}
        await chat.press(words, "2")
        await api.until(lambda: "Vary" in words.buttons())
        await chat.press(words, "Delete")
        await api.until(lambda: len(chat.messages) == 3 and "2" not in words.buttons())
        assert [blue(each) for each in chat.messages[:-1]] == [5, 7]
        await chat.press(words, "3")
        await api.until(lambda: "Vary" in words.buttons())
        await chat.press(words, "Vary")
        await api.until(lambda: len(chat.messages) == 7)
        await chat.write("/seeded", reply_to=first.id)  # it takes no picture, and says so
        await api.until(lambda: len(chat.messages) == 8)
        await chat.press(words, "Delete all")
        await api.until(lambda: words not in chat.messages and first not in chat.messages)


@pytest.mark.long
async def test_use_as_input_asks_which_and_offers_first_what_the_author_chose(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    async with bot_api() as api, serving(api, tmp_path, DARKROOM_WORKFLOWS=str(tmp_path / "workflows")):
        chat = Conversation(api)
        await chat.write("/pair color=7")
        await api.until(lambda: bool(chat.messages) and "Use as input" in chat.last.buttons())
        await chat.press(chat.last, "Use as input")
        await api.until(lambda: chat.last.text.startswith("Which of them?"))
        await chat.press(chat.last, "2")
        await api.until(lambda: "Lighter" in chat.last.buttons())
        assert next(iter(chat.last.buttons())) == "Lighter"
        assert "Pair" not in chat.last.buttons()
        await chat.press(chat.last, "Lighter")
        await api.until(lambda: chat.last.kind == "photo" and "Lighter" in chat.last.text)


@pytest.mark.long
async def test_a_recipe_asks_which_result_goes_on(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> darker", '[step.darker]\ntake = "ask"\n')
    async with bot_api() as api, serving(api, tmp_path, DARKROOM_WORKFLOWS=str(tmp_path / "workflows")):
        chat = Conversation(api)
        await chat.write("/film color=7")
        await api.until(lambda: bool(chat.messages) and "2" in chat.last.buttons() and chat.last.kind == "photo")
        assert "Which one goes on?" in chat.last.text
        assert "Film" in chat.last.text
        await chat.press(chat.last, "2")
        first, second, third, words = await album(chat, 3)  # two of the first step, and that of the second
        assert {first.kind, second.kind, third.kind} == {"photo"}
        assert {"1", "2", "Again"} <= set(words.buttons())
        await chat.press(words, "2")
        await api.until(lambda: "Details" in words.buttons())
        assert "Vary" not in words.buttons()  # it has no seed


@pytest.mark.long
async def test_a_recipe_goes_on_from_the_step_that_failed(tmp_path: Path) -> None:
    await asyncio.to_thread(write_onward, tmp_path)
    await asyncio.to_thread(write_recipe, tmp_path, "pair -> gate")
    async with bot_api() as api, EmbeddedServer(nodes=gate_that_fails_once()) as engine:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": engine.url}
        async with serving(api, tmp_path, **environ):
            chat = Conversation(api)
            await chat.write("/film color=7")
            words = (await album(chat, 2))[-1]  # the pictures of the first step
            await chat.press(words, "Go on")
            await api.until(lambda: sum(each.kind == "photo" for each in chat.messages) == 3)


@pytest.mark.long
async def test_a_matrix_is_written_at_the_end_of_a_line(tmp_path: Path) -> None:
    await asyncio.to_thread(write_worded, tmp_path)
    async with bot_api() as api, EmbeddedServer(nodes=painter(["a.ckpt"], lambda _model, _color: None)) as engine:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": engine.url}
        async with serving(api, tmp_path, **environ):
            chat = Conversation(api)
            await chat.write("/worded color=3 vary: prompt=a car;a dog, seed=1;2")
            words = (await album(chat, 4))[-1]
            assert "1: “a car”, seed 1 · 2: “a car”, seed 2 · 3: “a dog”, seed 1" in words.text
            await chat.press(words, "Change")
            await chat.answer("Vary: prompt=a car;a dog, seed=1;2", button="Run")
            await chat.press(chat.last, "Cancel")
            await chat.write("/worded color=3 prompt=x vary: sead=1;2")
            await chat.answer("sead: there is no such field. Did you mean “seed”?")


@pytest.mark.long
async def test_how_many_are_done_and_one_cancel(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    studio = Studio(["a.ckpt"], lambda color: 0.0 if color < 2 else 60.0)
    async with bot_api() as api, studio:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": studio.url}
        async with serving(api, tmp_path, **environ):
            chat = Conversation(api)
            await chat.write("/slow count=3 seed=1")
            await api.until(
                lambda: bool(chat.messages) and "1 of 3 done" in chat.last.text and chat.last.kind == "photo"
            )
            assert blue(chat.last) == 1
            stranger = Conversation(api)
            press = forged(stranger, chat.last.buttons()["Cancel"])
            assert "another chat" in await stranger.notice(await stranger.press(press, "x"))
            await chat.press(chat.last, "Cancel")
            await api.until(lambda: "Again" in chat.last.buttons())
            assert "2, 3: Cancelled" in chat.last.text
            assert len(chat.messages) == 1


@pytest.mark.long
async def test_one_that_fails_is_one_sentence_and_can_be_asked_for_again(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)

    def paint(_model: str, color: int) -> None:
        if color == 11:
            raise ValueError("no such colour")

    async with bot_api() as api, EmbeddedServer(nodes=painter(["a.ckpt"], paint)) as engine:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": engine.url}
        async with serving(api, tmp_path, **environ):
            chat = Conversation(api)
            await chat.write("/slow count=4 seed=10")
            words = (await album(chat, 3))[-1]
            assert words.text.count("no such colour") == 1
            assert "\n2: " in words.text
            await chat.press(words, "2")
            await api.until(lambda: "Original" in words.buttons() and "Vary" not in words.buttons())


@pytest.mark.long
async def test_two_who_ask_for_four_each_have_them_once_though_the_program_is_killed(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    both = threading.Event()
    async with bot_api() as api, BusyStudio(["a.ckpt"], 8, after(both, lambda _color: 0.2)) as studio:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": studio.url}
        process = await start(api, tmp_path, **environ)
        ann, ben = Conversation(api), Conversation(api)
        await ann.write("/slow count=4 seed=100")
        await ben.write("/slow count=4 seed=200")
        await taken(tmp_path, 8)
        both.set()
        await api.until(lambda: len(studio.painted) >= 3)
        await stop(process, signal.SIGKILL)
        process = await start(api, tmp_path, **environ)
        assert [blue(each) for each in (await album(ann, 4))[:-1]] == [100, 101, 102, 103]
        assert [blue(each) for each in (await album(ben, 4))[:-1]] == [200, 201, 202, 203]
        await stop(process)
    turns = [len(list(runs)) for _person, runs in groupby(dict.fromkeys(studio.painted), lambda color: color // 100)]
    assert max(turns[:-1]) <= 2, studio.painted


@pytest.mark.long
async def test_an_album_that_was_being_sent_may_come_twice_and_says_so(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows")}
    async with bot_api() as api:
        process = await start(api, tmp_path, **environ)
        chat = Conversation(api)
        api.hangs["sendMediaGroup"] = asyncio.Event()  # it is there, and Telegram has not said so
        await chat.write("/seeded count=2")
        await api.until(lambda: bool(api.made("sendMediaGroup", chat.id)))
        await stop(process, signal.SIGKILL)
        del api.hangs["sendMediaGroup"]
        process = await start(api, tmp_path, **environ)
        await api.until(lambda: len(api.made("sendMediaGroup", chat.id)) == 2 and "Again" in chat.last.buttons())
        assert "Some may be here twice" in chat.last.text
        await stop(process)


@pytest.mark.long
async def test_a_message_that_is_gone_cancels_all(tmp_path: Path) -> None:
    await asyncio.to_thread(write_seeded, tmp_path)
    gone = threading.Event()
    studio = Studio(["a.ckpt"], after(gone, lambda color: 0.0 if color < 2 else 60.0))
    async with bot_api() as api, studio:
        environ = {"DARKROOM_WORKFLOWS": str(tmp_path / "workflows"), "COMFYUI_URLS": studio.url}
        async with serving(api, tmp_path, **environ):
            chat = Conversation(api)
            await chat.write("/slow count=3 seed=1")
            await api.until(lambda: bool(chat.messages) and bool(studio.painted))
            chat.last.deleted = True
            gone.set()

            async def are_cancelled() -> bool:
                with closing(sqlite3.connect(tmp_path / "data" / "darkroom.db")) as database:
                    states = [row[0] for row in database.execute("SELECT state FROM runs ORDER BY cell")]
                return len(states) == 3 and set(states[1:]) == {"cancelled"}

            await until(are_cancelled)
            assert chat.messages == []
