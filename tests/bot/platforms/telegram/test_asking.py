"""Messages of people, and the runs and questions that follow."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.bot.core.media.test_films import make_film
from tests.bot.platforms.telegram.harness import Conversation, picture
from tests.bot.platforms.telegram.server import BotApi, Kept

pytestmark = pytest.mark.asyncio(loop_scope="module")


def color(message: Kept) -> tuple[int, ...]:
    return Image.open(BytesIO(message.media or b"")).convert("RGB").getpixel((3, 3))  # type: ignore[return-value]


@pytest.mark.long
async def test_an_image_sent_as_a_file(chat: Conversation) -> None:
    await chat.write("/negative", document=("night.png", picture("black", kind="PNG"), "image/png"))
    done = await chat.result()
    assert color(done) == (255, 255, 255)
    assert len(chat.messages) == 1


@pytest.mark.long
async def test_values_are_set_by_name_and_shown(chat: Conversation) -> None:
    await chat.write("/polaroid Caption=“by the sea”", photo=picture())
    assert "by the sea" in (await chat.result()).text
    await chat.write('/polaroid a day caption="by the sea"', photo=picture())
    await chat.answer("it is there twice")


@pytest.mark.long
async def test_words_fill_the_main_field(chat: Conversation) -> None:
    await chat.write("/polaroid by the sea", photo=picture())
    assert "by the sea" in (await chat.result()).text


async def test_a_fault_says_the_field_the_reason_and_an_example_that_works(chat: Conversation) -> None:
    await chat.write("/poster colors=900", photo=picture())
    answer = await chat.answer("colors")
    assert "too large" in answer.text
    example = answer.text.partition("For example: ")[2]
    await chat.write(example, photo=picture())
    await chat.result()


async def test_an_unknown_field_is_named(chat: Conversation) -> None:
    await chat.write("/poster colours=4", photo=picture())
    assert "Did you mean “colors”" in (await chat.answer("colours")).text


async def test_an_album_fills_the_picture_fields_in_order(chat: Conversation) -> None:
    await chat.write("/match_colors", photo=picture("red"), media_group_id=f"a{chat.user}")
    await chat.write(photo=picture("blue"), media_group_id=f"a{chat.user}")
    red, _green, blue = color(await chat.result())
    assert blue > red


async def test_a_reply_to_a_picture(chat: Conversation) -> None:
    shown = await chat.write(photo=picture("black"))
    await chat.answer("What would you like?")
    await chat.write("/negative", reply_to=shown)
    assert color(await chat.result()) == (255, 255, 255)


@pytest.mark.long
async def test_a_reply_to_a_result(chat: Conversation) -> None:
    await chat.write("/negative", photo=picture("black"))
    first = await chat.result()
    await chat.write("/negative", reply_to=first.id)
    assert color(await chat.result(2)) == (0, 0, 0)


@pytest.mark.long
async def test_an_album_to_a_workflow_of_one_picture_is_a_run_for_each_if_that_is_meant(chat: Conversation) -> None:
    for caption, name in (("/negative", "red"), ("", "blue")):
        await chat.write(caption, photo=picture(name), media_group_id=f"b{chat.user}")
    await chat.press(await chat.answer("2 files", button="Only the first"), "2 runs, one each")

    def pictures() -> list[Kept]:
        return [each for each in chat.messages if each.kind == "photo"]

    await chat.api.until(lambda: len(pictures()) == 2)
    assert [color(each) for each in pictures()] == [(0, 255, 255), (255, 255, 0)]
    await chat.answer("Negative", button="Delete all")


@pytest.mark.long
async def test_an_album_as_an_answer_is_a_run_for_each_if_all_of_it_can_be_read(chat: Conversation) -> None:
    await chat.write("/negative")
    await chat.answer("Photo", button="Cancel")
    for name, data in (("red", picture("red")), ("torn", b"nothing")):
        await chat.write(document=(f"{name}.png", data, "image/png"), media_group_id=f"c{chat.user}")
    await chat.press(await chat.answer("2 files", button="Only the first"), "2 runs, one each")
    await chat.answer("torn.png is not a picture that can be read", button="Cancel")
    for name in ("red", "blue"):
        await chat.write(photo=picture(name), media_group_id=f"d{chat.user}")
    await chat.answer("2 files", button="Only the first")
    await chat.write(photo=picture("black"))  # the newest counts
    assert color(await chat.result()) == (255, 255, 255)
    assert len(chat.messages) == 1  # none of the others was made


async def test_what_is_missing_is_asked_for(chat: Conversation) -> None:
    await chat.write("/negative")
    question = await chat.answer("Photo", button="Cancel")
    await chat.write(photo=picture("black"))
    assert color(await chat.result()) == (255, 255, 255)
    assert question.deleted
    assert len(chat.messages) == 1


async def test_all_fields_as_buttons(chat: Conversation) -> None:
    await chat.write("/poster")
    await chat.press(await chat.answer("Photo", button="All fields"), "All fields")
    await chat.press(await chat.answer(button="Run"), "Colors")
    await chat.answer("Poster: Colors", button="Back")
    await chat.write("99")
    await chat.answer("too large")
    await chat.write("3")
    await chat.press(await chat.answer("Colors: 3", button="Run"), "Run")
    await chat.answer("Photo", button="Cancel")
    await chat.write(photo=picture())
    assert "colors 3" in (await chat.result()).text


async def test_a_way_out(chat: Conversation) -> None:
    await chat.write("/negative")
    question = await chat.answer(button="Cancel")
    await chat.press(question, "Cancel")
    await chat.answer("Cancelled")
    await chat.write("/cancel")
    await chat.answer("nothing to cancel")


async def test_a_picture_alone_is_asked_about(chat: Conversation) -> None:
    await chat.write(photo=picture("black"))
    await chat.press(await chat.answer("What would you like?", button="Negative"), "Negative")
    assert color(await chat.result()) == (255, 255, 255)
    assert len(chat.messages) == 1


@pytest.mark.parametrize("kind", ["sticker", "animated sticker", "video sticker", "video note", "elsewhere"])
@pytest.mark.long
async def test_pictures_that_come_in_other_ways(chat: Conversation, tmp_path: Path, kind: str) -> None:
    film = partial(make_film, seconds=0.3, size=(96, 64), sound=False)  # its last pictures are red
    match kind:
        case "sticker":
            sent: dict[str, Any] = {"sticker": sticker(chat.api, picture("red", kind="WEBP"))}
        case "animated sticker":
            small = {"file_id": chat.api._keep(picture("red", kind="WEBP")), "file_unique_id": "t"}
            small |= {"width": 9, "height": 9}
            sent = {"sticker": sticker(chat.api, b"tgs", is_animated=True, thumbnail=small)}
        case "video sticker":
            sent = {"sticker": sticker(chat.api, film(tmp_path / "a.webm").read_bytes(), is_video=True)}
        case "video note":
            note = {"file_id": chat.api._keep(film(tmp_path / "a.mp4").read_bytes()), "file_unique_id": "n"}
            sent = {"video_note": {**note, "length": 64, "duration": 1}}
        case _:
            size = {"file_id": chat.api._keep(picture("red")), "file_unique_id": "p", "width": 90, "height": 60}
            origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Ben"}
            sent = {"external_reply": {"origin": origin, "photo": [size]}}
    if kind == "elsewhere":
        await chat.write("/negative", **sent)
    else:
        await chat.write("", **sent)
        await chat.press(await chat.answer("What would you like?", button="Negative"), "Negative")
    red, green, blue = color(await chat.result())
    assert red < 60 < 180 < min(green, blue)


def sticker(api: BotApi, data: bytes, **more: Any) -> dict[str, Any]:
    known = {"is_animated": False, "is_video": False, "width": 96, "height": 64, "type": "regular"}
    return {**known, "file_unique_id": "s", "file_id": api._keep(data), **more}


@pytest.mark.long
async def test_two_people_in_one_group(api: BotApi) -> None:
    group = api.group(-100777)
    ann, ben = Conversation(api, group), Conversation(api, group)
    await ann.write("/negative@darkroom_bot")
    hers = await ann.answer("Photo")
    await ben.write("/negative")
    await api.until(lambda: len(ben.messages) == 2)
    his = ben.messages[-1]
    assert "for another person" in await ben.notice(await ben.press(hers, "Cancel"))
    await ben.write(photo=picture("white"), reply_to=hers.id)  # not his to answer
    await ann.write("chatter about the weather")
    await ann.write(photo=picture("black"), reply_to=hers.id)
    done = await ann.result()
    assert color(done) == (255, 255, 255)
    assert f"User{ann.user}" in done.text
    await ben.write(photo=picture("white"), reply_to=his.id)
    assert color(await ben.result(2)) == (0, 0, 0)


async def test_a_command_for_another_bot_is_not_ours(chat: Conversation) -> None:
    await chat.write("/negative@other_bot")
    await chat.write("/negative@Darkroom_Bot")
    await chat.answer("Photo")
    assert len(chat.messages) == 1


async def test_a_topic_is_answered_in(api: BotApi) -> None:
    chat = Conversation(api, api.group(-100778, is_forum=True))
    await chat.write("/negative", photo=picture(), message_thread_id=7, is_topic_message=True)
    assert (await chat.result()).data["message_thread_id"] == 7


async def test_a_channel(api: BotApi) -> None:
    channel = {"id": -100779, "type": "channel", "title": "News"}
    await api.write("/negative", chat=channel, photo=picture(), sender_chat=channel)
    await Conversation(api, channel).result()


async def test_commands_that_are_no_workflows(chat: Conversation) -> None:
    await chat.write("/help")
    await chat.answer("/match_colors")
    await chat.write("/workflows")
    await chat.answer("What would you like?", button="Poster")
    await chat.write("/queue")
    await chat.answer("under way")
    await chat.write("/mine")
    await chat.answer("nothing yet")
    await chat.write("/nagative")
    await chat.answer("Did you mean “negative”?")


@pytest.mark.long
async def test_a_first_run_is_offered(chat: Conversation) -> None:
    await chat.write("/start")
    await chat.press(await chat.answer(button="Show me"), "Show me")
    await chat.result()
    await chat.write("/mine")
    await chat.answer("Your latest runs", "1. Poster")


@pytest.mark.long
async def test_ones_data_can_be_deleted(chat: Conversation) -> None:
    await chat.write("/negative", photo=picture())
    done = await chat.result()
    await chat.ended()
    await chat.write("/about")
    await chat.press(await chat.answer(button="Delete my data"), "Delete my data")
    await chat.press(await chat.answer(button="Yes"), "Yes")
    await chat.answer("1 run is deleted")
    assert "has been deleted" in await chat.notice(await chat.press(done, "Again"))


async def test_the_commands_are_listed_and_only_those_that_can_run(api: BotApi) -> None:
    await api.until(lambda: len(api.commands) >= 4)
    for commands in api.commands.values():
        names = [each["command"] for each in commands]
        assert {"match_colors", "help", "queue", "about"} <= set(names)
        assert "imagine" not in names  # the built-in engine has no model for it
    assert any("moderate" in str(commands) for scope, commands in api.commands.items() if "administrators" in scope)


async def test_what_cannot_run_asks_nothing_and_says_why(chat: Conversation) -> None:
    await chat.write("/imagine")
    await chat.answer("“imagine” cannot run on this server. The server lacks the nodes CheckpointLoaderSimple")
    operator = Conversation(chat.api, chat.api.group(-100_900_001), user=9)
    await operator.write("/moderate workflow problems imagine")
    await operator.answer("Imagine (imagine): The server lacks the nodes CheckpointLoaderSimple")


@pytest.mark.long
async def test_the_first_example_of_help_can_be_run(chat: Conversation) -> None:
    await chat.write("/help")
    first = (await chat.answer("/match_colors")).text.splitlines()[0]
    assert "/imagine" not in first
    await chat.write(first.rpartition(": ")[2], photo=picture())
    await chat.result()


@pytest.mark.long
async def test_values_are_kept_as_a_preset_which_opens_the_form_with_them(chat: Conversation, api: BotApi) -> None:
    await chat.write("/preset")
    await chat.answer("You have no presets yet", "/preset save NAME")
    await chat.write("/polaroid by the {sea|sea}", photo=picture())
    done = await chat.result()
    assert "by the sea" in done.text
    await chat.write("/preset save By the sea", reply_to=done.id)
    await chat.answer("as your preset “By the sea”")
    await chat.write("/preset rename by the sea = Sea")
    await chat.answer("is now called “Sea”")
    await chat.write("/preset share sea")
    code = (await chat.answer("Who has the code")).text.split("code ")[1].split()[0]
    other = Conversation(api)
    await other.write(f"/preset copy {code}")
    await other.answer("a copy of it now: “Sea”")
    await other.write("/preset default sea")
    await other.answer("is taken from “Sea” now")
    await other.write("/polaroid", photo=picture())
    assert "by the sea" in (await other.result()).text
    await other.write("/preset sea")
    await other.press(await other.answer("Caption: by the {sea|sea}", button="Run"), "Cancel")
    await chat.write("/preset")
    listed = await chat.answer("Sea: Polaroid, ", f"shared as {code}", button="Sea")
    await chat.press(listed, "Sea")
    await chat.answer("Caption: by the {sea|sea}", button="Run")
    await chat.write("/cancel")
    await chat.write("/preset unshare sea")
    await chat.answer("no longer works")
    await chat.write("/preset delete sea")
    await chat.answer("Deleted your preset “Sea”")
    assert "has been deleted" in await chat.notice(await chat.press(listed, "Sea"))
