"""Colours, 3D files, any files, choices that set several inputs, and what is folded under More, on Telegram."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
import pytest_asyncio
from PIL import Image

from bot.core.workflows.form import Field, FieldKind
from bot.platforms.telegram.forms.files import MessageFile
from bot.platforms.telegram.forms.state import FormState, takes
from comfy.embedded import EmbeddedServer
from tests.bot.parcel import STATUE, parcel, write_parcel, write_words
from tests.bot.platforms.telegram.harness import Conversation, picture, serving
from tests.bot.platforms.telegram.server import BotApi, bot_api

pytestmark = pytest.mark.asyncio(loop_scope="module")
_STATUE = ("statue.glb", STATUE, "application/octet-stream")
_PAPER = ("list.txt", b"two spoons", "text/plain")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotApi]:
    folder = tmp_path_factory.mktemp("house")
    own = str(write_parcel(folder / "workflows"))
    write_words(folder / "workflows")
    async with (
        bot_api() as api,
        EmbeddedServer(nodes=parcel()) as server,
        serving(api, folder, DARKROOM_WORKFLOWS=own, COMFYUI_URLS=f"one={server.url}"),
    ):
        yield api


@pytest.fixture
def chat(api: BotApi) -> Conversation:
    return Conversation(api)


@pytest.mark.long
async def test_files_of_every_kind_a_colour_and_a_choice_of_sizes(chat: Conversation) -> None:
    await chat.write("/parcel shade=f00 size=wide")
    await chat.answer("Parcel: Statue", "Send it here")
    await chat.write(photo=picture())
    await chat.answer("It takes a 3D file, such as GLB, OBJ or STL.")
    await chat.write(document=_STATUE)
    await chat.answer("Parcel: Paper")
    await chat.write(document=_PAPER)
    shown = await chat.result()
    assert any("3d .glb two spoons careful" in each.text for each in chat.messages)
    made = Image.open(BytesIO(shown.media or b"")).convert("RGB")
    assert (made.size, made.getpixel((1, 1))[0] > 200) == ((64, 16), True)  # type: ignore[index]


@pytest.mark.long
async def test_what_few_people_change_is_behind_a_button(chat: Conversation) -> None:
    await chat.write("/parcel")
    await chat.press(await chat.answer("Parcel: Statue", button="All fields"), "All fields")
    folded = await chat.answer(button="Run")
    assert [label.partition(":")[0] for label in folded.buttons()] == [
        *("Shade", "Size", "Statue", "Paper", "More", "Run", "Cancel")
    ]
    assert "Note" not in folded.text
    await chat.press(folded, "More")
    whole = await chat.answer("Note: careful", button="Note")
    assert "More" not in whole.buttons()
    await chat.press(whole, "Note")
    await chat.answer("Parcel: Note")
    await chat.write("upside down")
    await chat.answer("Note: upside down", "Width: —", button="Width")


async def test_the_authors_own_words_are_an_example_and_are_not_run(chat: Conversation) -> None:
    await chat.write("/words")
    asked = await chat.answer("words: Prompt", "For example: a red fox")
    assert "Default" not in asked.buttons()
    await chat.write("a blue fox")
    await chat.result()
    assert any("a blue fox" in each.text for each in chat.messages)
    assert not any("fox" in each.text and "red" in each.text for each in chat.messages if "Again" in each.buttons())


async def test_a_colour_that_is_none_is_asked_for_again(chat: Conversation) -> None:
    await chat.write("/parcel shade=reddish")
    await chat.answer("“reddish” is not a colour; write it as #ff8800.")


async def test_a_form_is_in_the_persons_language_where_its_author_has_translated_it(chat: Conversation) -> None:
    chat.api.languages[chat.user] = "de"
    await chat.write("/parcel")
    await chat.press(await chat.answer("Paket: Statue", button="All fields"), "All fields")
    await chat.answer("Paket", "Farbton: #000000")


@pytest.mark.parametrize(
    ("kind", "sent", "fits"),
    [
        (FieldKind.FILE, "image", True),
        (FieldKind.FILE, "3d", True),
        (FieldKind.MODEL_3D, "3d", True),
        (FieldKind.MODEL_3D, "file", False),
        (FieldKind.IMAGE, "file", True),
        (FieldKind.IMAGE, "3d", False),
        (FieldKind.VIDEO, "file", False),
        (FieldKind.TEXT, "file", False),
    ],
)
async def test_which_field_takes_which_file(kind: FieldKind, sent: str, fits: bool) -> None:
    assert takes(Field("a", kind), MessageFile("id", "a", sent)) is fits


async def test_a_draft_that_an_earlier_version_can_read_has_no_key_that_is_new() -> None:
    assert not {"more", "news"} & FormState("parcel").to_json().keys()
    draft = FormState("parcel", more=True, news="It has changed.")
    assert FormState.from_json(draft.to_json()) == draft
