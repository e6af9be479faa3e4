"""Questions that people answer late, twice, with something else, or by typing."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.bot.platforms.telegram.harness import Conversation, picture
from tests.bot.platforms.telegram.server import Kept

pytestmark = pytest.mark.asyncio(loop_scope="module")
PDF = ("words.pdf", b"%PDF-1.7 and so on", "application/pdf")


def color(message: Kept) -> tuple[int, ...]:
    return Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((3, 3))  # type: ignore[return-value]


def is_blue(pixel: tuple[int, ...]) -> bool:
    return pixel[2] > 200 > pixel[0]


def is_yellow(pixel: tuple[int, ...]) -> bool:
    return pixel[2] < 60 < pixel[0]


@pytest.mark.long
async def test_the_newest_picture_counts_and_the_question_stands_below_it(chat: Conversation) -> None:
    await chat.write(photo=picture("red"))
    first = await chat.answer("What would you like?")
    blue = await chat.write(photo=picture("blue"))
    await chat.api.until(lambda: first.deleted)
    question = await chat.answer("What would you like?", button="Negative")
    assert question.id > blue
    await chat.press(question, "Negative")
    assert is_yellow(color(await chat.result()))


@pytest.mark.long
async def test_words_after_a_picture_are_kept_with_it(chat: Conversation) -> None:
    await chat.write(photo=picture("blue"))
    first = await chat.answer("What would you like?")
    await chat.write("by the sea")
    await chat.api.until(lambda: first.deleted)
    await chat.press(await chat.answer("What would you like?", button="Polaroid"), "Polaroid")
    assert "by the sea" in (await chat.result()).text


@pytest.mark.parametrize("name", ["negative", "NEGATIVE", "Match colours", "match-colors", "match_colors"])
async def test_a_typed_name_answers_the_question(chat: Conversation, name: str) -> None:
    await chat.write(photo=picture("blue"))
    await chat.answer("What would you like?")
    await chat.write(name)
    if name.lower().startswith("match"):
        await chat.answer("Match colours: Style", button="Cancel")
    else:
        assert is_yellow(color(await chat.result()))


@pytest.mark.long
async def test_a_picture_in_answer_to_another_question_replaces_the_one_before(chat: Conversation) -> None:
    await chat.write("/poster")
    await chat.press(await chat.answer(button="All fields"), "All fields")
    await chat.press(await chat.answer(button="Run"), "Colors")
    asked = await chat.answer("Poster: Colors")
    await chat.write(photo=picture("red"))
    await chat.api.until(lambda: asked.deleted)
    await chat.write("3")
    await chat.press(await chat.answer("photo-", "Colors: 3", button="Run"), "Run")
    assert "colors 3" in (await chat.result()).text


def voice(chat: Conversation) -> dict[str, Any]:
    return {"voice": {"file_id": chat.api._keep(b"OggS"), "file_unique_id": "v", "duration": 1}}


@pytest.mark.parametrize("kind", ["document", "voice"])
@pytest.mark.long
async def test_a_refused_file_keeps_the_form_and_says_what_the_field_takes(chat: Conversation, kind: str) -> None:
    await chat.write("/poster colors=3")
    asked = await chat.answer("Poster: Photo")
    await chat.write(**({"document": PDF} if kind == "document" else voice(chat)))
    await chat.api.until(lambda: asked.deleted)
    again = await chat.answer("Poster: Photo", "PNG", "JPEG")
    assert len(chat.messages) == 1
    await chat.write(photo=picture())
    assert "colors 3" in (await chat.result()).text
    assert again.deleted


@pytest.mark.long
async def test_a_refused_file_of_a_command_is_asked_for_again_and_its_values_are_kept(chat: Conversation) -> None:
    await chat.write("/poster colors=3", document=PDF)
    await chat.answer("Poster: Photo", "words.pdf is not a picture")
    assert len(chat.messages) == 1
    await chat.write(photo=picture())
    assert "colors 3" in (await chat.result()).text
