"""The buttons of a run, and who may press them."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.bot.platforms.telegram.harness import Conversation, picture
from tests.bot.platforms.telegram.server import BotApi, Kept, Refused

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def poster(chat: Conversation) -> Kept:
    await chat.write("/poster colors=3", photo=picture())
    return await chat.result()


@pytest.mark.long
async def test_again(chat: Conversation) -> None:
    first = await poster(chat)
    assert await chat.notice(await chat.press(first, "Again")) == ""
    again = await chat.result(2)
    assert again.id != first.id
    assert "colors 3" in again.text


async def test_change(chat: Conversation) -> None:
    await chat.press(await poster(chat), "Change")
    await chat.press(await chat.answer("Colors: 3", button="Run"), "Colors")
    await chat.answer("Poster: Colors")
    await chat.write("5")
    await chat.press(await chat.answer("Colors: 5", button="Run"), "Run")
    assert "colors 5" in (await chat.result(2)).text


async def test_use_as_input(chat: Conversation) -> None:
    await chat.write("/negative", photo=picture("black"))
    await chat.press(await chat.result(), "Use")
    await chat.press(await chat.answer("What would you like?", button="Negative"), "Negative")
    done = await chat.result(2)
    assert Image.open(BytesIO(done.media or b"")).convert("RGB").getpixel((2, 2)) == (0, 0, 0)


@pytest.mark.long
async def test_the_original_is_the_file_itself(chat: Conversation) -> None:
    done = await poster(chat)
    await chat.press(done, "Original")
    original = await chat.api.until(lambda: next((each for each in chat.messages if each.kind == "document"), None))
    assert original.media == done.media


async def test_details(chat: Conversation) -> None:
    await chat.press(await poster(chat), "Details")
    assert "contrast: 1.3" in (await chat.answer("colors: 3", "contrast")).text


@pytest.mark.long
async def test_the_words_of_a_result_can_be_read_whole_and_copied(chat: Conversation) -> None:
    words = "<b>by the sea</b> & far away"
    await chat.write(f"/polaroid {words}", photo=picture())
    await chat.press(await chat.result(), "Details")
    assert "caption:\n<b>by the sea</b> & far away\n" in (await chat.answer(words, "caption:\n")).text


@pytest.mark.long
async def test_results_are_found_by_words_with_pictures_and_had_again(chat: Conversation) -> None:
    for words in ("a tall lighthouse", *(f"boat {number}" for number in range(5))):
        await chat.write(f"/polaroid {words}", photo=picture())
    await chat.result(6)
    await chat.write("/mine")
    page = await chat.answer("Your latest runs", button="Older")
    assert page.kind == "photo"
    assert "lighthouse" not in page.text
    assert "another person" in await chat.notice(await Conversation(chat.api, chat.chat).press(page, "Older"))
    await chat.press(page, "Older")
    await chat.answer("a tall lighthouse", button="Newer")
    await chat.write("/mine Lighthouses")
    found = await chat.answer("Your results with “Lighthouses”", "a tall lighthouse")
    assert "boat" not in found.text
    await chat.press(found, "Files 1")
    await chat.api.until(lambda: any(each.kind == "document" for each in chat.messages))
    await chat.press(found, "Again 1")
    assert "a tall lighthouse" in (await chat.result(7)).text


@pytest.mark.long
async def test_the_settings_of_a_picture_fill_a_form_in(chat: Conversation) -> None:
    notes = PngInfo()
    notes.add_text("parameters", "by the <sea>\nSteps: 31, Sampler: Euler a, Seed: 7")
    Image.new("RGB", (8, 8)).save(made := BytesIO(), "PNG", pnginfo=notes)
    await chat.write("/settings", document=("made.png", made.getvalue(), "image/png"))
    found = await chat.answer("words: by the <sea>", "steps: 31", button="Polaroid")
    other = Conversation(chat.api, chat.chat)
    assert "another person" in await other.notice(await other.press(found, "Polaroid"))
    await chat.press(found, "Polaroid")
    await chat.press(await chat.answer("Caption: by the <sea>", button="Photo"), "Photo")
    await chat.answer("Photo", button="Back")
    await chat.write("", photo=picture())
    await chat.press(await chat.answer("Photo: photo", button="Run"), "Run")
    assert "by the <sea>" in (await chat.result()).text
    await chat.write("/settings", document=("made.png", (await chat.result()).media or b"", "image/png"))
    await chat.answer("caption: by the <sea>")


@pytest.mark.long
async def test_delete(chat: Conversation) -> None:
    done = await poster(chat)
    await chat.press(done, "Delete")
    await chat.api.until(lambda: done.deleted)
    await chat.write("/mine")
    await chat.answer("nothing yet")


async def originals(chat: Conversation, done: Kept) -> list[Kept]:
    """Have the originals sent, twice."""
    for count in (1, 2):
        await chat.press(done, "Original")
        await chat.api.until(lambda count=count: sum(each.kind == "document" for each in chat.messages) == count)
    return [each for each in chat.messages if each.kind == "document"]


@pytest.mark.long
async def test_delete_takes_the_copies_by_original_with_it(chat: Conversation) -> None:
    done, other = await poster(chat), Conversation(chat.api, chat.chat)
    copies = await originals(chat, done)
    await other.write("/poster colors=4", photo=picture())
    kept = await chat.result(2)
    await other.press(kept, "Original")
    await chat.api.until(lambda: sum(each.kind == "document" for each in chat.messages) == 3)
    await chat.press(done, "Delete")
    await chat.api.until(lambda: done.deleted and all(each.deleted for each in copies))
    assert [each.kind for each in chat.messages] == ["photo", "document"]


@pytest.mark.parametrize("way", ["Delete", "Yes"])
@pytest.mark.long
async def test_what_telegram_keeps_after_two_days_is_blanked(chat: Conversation, way: str) -> None:
    done = await poster(chat)
    made = done.media
    copies = await originals(chat, done)
    chat.api.broken["deleteMessage"] = Refused(400, "Bad Request: message can't be deleted for everyone")
    try:
        if way == "Delete":
            await chat.press(done, way)
        else:
            await chat.write("/about")
            await chat.press(await chat.answer(button="Delete my data"), "Delete my data")
            await chat.press(await chat.answer(button=way), "Yes")
        gone = [*copies, *([done] if way == "Delete" else [])]
        await chat.api.until(lambda: all((each.text, each.buttons()) == ("Deleted.", {}) for each in gone))
    finally:
        del chat.api.broken["deleteMessage"]
    assert all(each.media != made for each in gone)
    assert all(len(Image.open(BytesIO(each.media or b"")).getcolors() or ()) == 1 for each in gone)


@pytest.mark.long
async def test_ones_data_comes_as_a_file_in_a_private_chat_alone(api: BotApi, chat: Conversation) -> None:
    await poster(chat)
    await chat.write("/about")
    about = await chat.answer(button="Send me my data")
    await chat.press(about, "Send me my data")
    await api.until(lambda: chat.messages[-1].kind == "document")
    sent = chat.messages[-1]
    assert sent.text == "What I keep about you: 1 run, with 2 files."
    with ZipFile(BytesIO(sent.media or b"")) as archive:
        assert json.loads(archive.read("data.json"))["person"] == f"telegram:{chat.user}"
    group = Conversation(api, api.group(-1001235))
    await group.write("/about")
    shown = await group.answer(button="Delete my data")
    assert list(shown.buttons()) == ["Delete my data"]
    forged = replace(shown, reply_markup=about.reply_markup)
    assert "in a private chat" in await group.notice(await group.press(forged, "Send me my data"))


@pytest.mark.long
async def test_what_can_be_neither_deleted_nor_blanked_is_told_with_its_link(api: BotApi) -> None:
    ann = Conversation(api, api.group(-1001234))
    done = await poster(ann)
    copies = await originals(ann, done)
    refused = dict.fromkeys(("deleteMessage", "editMessageMedia"), Refused(400, "Bad Request: not allowed"))
    api.broken |= refused
    try:
        await ann.press(done, "Delete")
        await api.until(lambda: "delete them yourself" in ann.messages[-1].text)
        told = ann.messages[-1]
    finally:
        for method in refused:
            del api.broken[method]
    assert [f"https://t.me/c/1234/{each.id}" in told.text for each in (*copies, done)] == [True] * 3


@pytest.mark.long
async def test_only_the_asker_and_administrators_change_or_delete(api: BotApi) -> None:
    group = api.group(-100600)
    ann, ben, mod = (Conversation(api, group) for _each in range(3))
    done = await poster(ann)
    api.administrators.add((-100600, mod.user))
    for label in ("Change", "Delete"):
        assert "Only the person who asked" in await ann.notice(await ben.press(done, label))
    await ben.press(done, "Again")
    assert f"User{ben.user}" in (await ben.result(2)).text
    asked = len(api.made("getChatMember", -100600))
    await ben.press(done, "Delete")
    await mod.press(done, "Delete")
    await api.until(lambda: done.deleted)
    members = [int(call.data["user_id"]) for call in api.made("getChatMember", -100600)]
    assert members.count(ben.user) == 1  # and remembered for a minute
    assert len(members) == asked + 1


@pytest.mark.long
async def test_a_button_of_a_run_that_is_gone(chat: Conversation) -> None:
    done = await poster(chat)
    await chat.press(done, "Delete")
    await chat.api.until(lambda: done.deleted)
    assert "has been deleted" in await chat.notice(await chat.press(done, "Details"))


@pytest.mark.parametrize("data", ["o:really", "o:forget", "o:try"])
async def test_what_another_message_asks_is_not_answered_in_the_message_of_a_run(chat: Conversation, data: str) -> None:
    """A client of somebody's own can send any data; it must not write over what another one's run has brought."""
    done = await poster(chat)
    other = Conversation(chat.api, chat.chat)
    forged = replace(done, reply_markup={"inline_keyboard": [[{"text": "x", "callback_data": data}]]})
    assert "another message" in await other.notice(await other.press(forged, "x"))
    assert (len(chat.messages), "Poster" in done.text) == (1, True)


@pytest.mark.long
async def test_delete_below_another_ones_result_deletes_nothing(chat: Conversation) -> None:
    """A client of somebody's own can send the Delete of its own run from the message of another."""
    theirs, other = await poster(chat), Conversation(chat.api, chat.chat)
    await other.write("/poster colors=4", photo=picture())
    own = await chat.result(2)
    forged = replace(theirs, reply_markup=own.reply_markup)
    assert "another message" in await other.notice(await other.press(forged, "Delete"))
    assert chat.messages == [theirs, own]


@pytest.mark.long
async def test_in_a_channel_the_bot_posts_nothing_for_a_subscriber(api: BotApi) -> None:
    place = {"id": -100611, "type": "channel", "title": "News"}
    channel, subscriber, editor = (Conversation(api, place) for _each in range(3))
    api.administrators.add((-100611, editor.user))
    await api.write("/negative", chat=place, photo=picture(), sender_chat=place)
    done = await channel.result()
    for label in ("Again", "Change", "Use", "Details"):
        assert "Only " in await subscriber.notice(await subscriber.press(done, label)), label
    await api.write("/about", chat=place, sender_chat=place)
    about = await channel.answer(button="Delete my data")
    assert "may write here" in await subscriber.notice(await subscriber.press(about, "Delete my data"))
    assert channel.messages == [done, about]
    await editor.press(done, "Again")
    await channel.result(2)
    await editor.write("/moderate log", sender_chat=place)
    assert "again: Only people who may write here" in (await channel.answer("refused")).text


@pytest.mark.long
async def test_a_restricted_member_has_nothing_posted(api: BotApi) -> None:
    group = api.group(-100612)
    ann, ben = Conversation(api, group), Conversation(api, group)
    done = await poster(ann)
    api.muted.add((-100612, ben.user))
    for label in ("Again", "Use", "Details"):
        assert "may write here" in await ben.notice(await ben.press(done, label)), label
    assert ann.messages == [done]


@pytest.mark.long
async def test_the_question_whether_to_delete_everything_names_a_person_and_is_theirs_alone(api: BotApi) -> None:
    group = api.group(-100613)
    ann, ben = Conversation(api, group), Conversation(api, group)
    await poster(ben)
    await ann.write("/about")
    await ann.press(await ann.answer(button="Delete my data"), "Delete my data")
    question = await ann.answer(f"User{ann.user}", button="Yes")
    assert "another person" in await ben.notice(await ben.press(question, "Yes"))
    await ben.ended()
