"""Moderators decide in the group, with buttons and with words; nobody else does, whatever they send."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import count

import pytest
from PIL import Image

from bot.platforms.telegram.moderation.panel import Click
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData
from tests.bot.platforms.telegram.conftest import TRUSTED
from tests.bot.platforms.telegram.harness import Conversation, forged, picture
from tests.bot.platforms.telegram.server import BotApi, Kept

pytestmark = pytest.mark.asyncio(loop_scope="module")
_groups = count(-100_800_000, -1)


def group(api: BotApi) -> tuple[Conversation, Conversation]:
    """A member and a moderator of a group of their own."""
    place = api.group(next(_groups))
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    return member, moderator


@pytest.mark.long
async def test_a_click_denies_and_allows_a_workflow(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate")
    panel = await moderator.answer("Allowed here", button="✓ Negative")
    await moderator.press(panel, "✓ Negative")
    await moderator.answer(button="✗ Negative")
    await member.write("/negative", photo=picture())
    await member.answer("denied")
    await api.until(lambda: any(f'"chat_id": {member.id}' in scope for scope in api.commands))
    own = next(commands for scope, commands in api.commands.items() if f'"chat_id": {member.id}' in scope)
    assert "negative" not in [each["command"] for each in own]
    await moderator.press(panel, "✗ Negative")
    await moderator.answer(button="✓ Negative")
    await member.write("/negative", photo=picture())
    await member.result()


async def test_members_decide_nothing_and_it_is_in_the_audit(api: BotApi) -> None:
    member, moderator = group(api)
    await member.write("/moderate deny negative")
    await member.answer("Only moderators")
    await moderator.write("/moderate")
    panel = await moderator.answer(button="✓ Negative")
    assert "Only moderators" in await member.notice(await member.press(panel, "✓ Negative"))
    stranger, _other = group(api)  # forged: a button of another group, pressed in one's own
    panel.reply_markup = {
        "inline_keyboard": [[{"text": "x", "callback_data": Click(str(stranger.id), "deny", "negative").data}]]
    }
    assert "Only moderators" in await moderator.notice(await moderator.press(panel, "x"))
    await moderator.write("/moderate log")
    await moderator.answer("deny: Only moderators")


@pytest.mark.long
async def test_a_budget_is_of_all_together(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate limit hour 1 together")
    await moderator.answer("for all people together")
    await member.write("/negative", photo=picture())
    await member.result()
    await moderator.write("/negative", photo=picture("red"))
    await moderator.answer("All of it has been used")
    await moderator.write("/moderate limit hour none together")
    await moderator.answer("Removed the limit")
    await moderator.write("/negative", photo=picture("red"))
    await moderator.result()


@pytest.mark.long
async def test_only_the_operator_permits_to_spend_money(api: BotApi) -> None:
    _member, moderator = group(api)
    await moderator.write("/moderate spending 500")
    await moderator.answer("Only the operator of this bot can do that")
    await moderator.write("/moderate price negative 20")
    await moderator.answer("Only the operator of this bot can do that")
    await moderator.write("/moderate spending lots")
    await moderator.answer("This is how")
    await moderator.write("/moderate limit credits 50 together")
    await moderator.answer("Set the limit: 50 credits per day everywhere here, for all people together.")


@pytest.mark.long
async def test_limits_blocks_and_why(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate limit day 1")
    await moderator.answer("Set the limit")
    asked = await member.write("/negative", photo=picture())
    await member.result()
    await member.write("/negative", photo=picture("red"))
    await member.answer("day")
    await moderator.write("/moderate why negative", reply_to=asked)
    await moderator.answer("✓ negative")
    await moderator.write("/moderate block 3d too loud", reply_to=asked)
    await moderator.answer("is blocked", "for 3 days")
    await member.write("/poster", photo=picture())
    await member.answer("too loud")
    await moderator.write("/moderate undo")
    await moderator.answer("Undone")
    await moderator.write("/moderate nonsense")
    await moderator.answer("This is how")


async def test_results_wait_for_a_yes(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate review on")
    await moderator.answer("review the results")
    await member.write("/negative", photo=picture())
    await member.answer("Waiting for a moderator")
    await moderator.write("/moderate held")
    asked = await moderator.answer("waits for approval", button="Approve")
    assert "Only moderators" in await member.notice(await member.press(asked, "Approve"))
    await moderator.press(asked, "Approve")
    await member.result()


@pytest.mark.long
async def test_a_list_of_texts_is_used_in_a_text(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate list animal a cat here\n{a cat here|a cat here}")
    await moderator.answer("takes one of its 2 texts")
    await member.write("/help")
    await member.answer("__animal__")
    await member.write("/polaroid with __animal__", photo=picture())
    await member.answer("with a cat here", button="Details")
    await moderator.write("/moderate list animal none")
    await moderator.answer("Deleted the list")


@pytest.mark.long
async def test_a_style_is_a_field_of_the_form(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate style Film | on {film|film} | blur")
    await moderator.answer("Set the style “Film”", "without blur")
    await member.write("/polaroid a cat style=film", photo=picture())
    assert "style Film" in (await member.answer("a cat, on film", button="Details")).text
    await moderator.write("/moderate style Film none")
    await moderator.answer("Deleted the style")


@pytest.mark.long
async def test_a_reported_result_is_taken_away(api: BotApi) -> None:
    member, moderator = group(api)
    other = Conversation(api, member.chat)
    await member.write("/negative", photo=picture())
    done = await member.result()
    await other.press(done, "Original")
    await api.until(lambda: any(each.kind == "document" for each in member.messages))
    await other.press(done, "Details")
    details = await other.answer("Negative for", button="Report")
    assert "not told that it was you" in await other.notice(await other.press(details, "Report"))
    assert "your own result" in await member.notice(await member.press(details, "Report"))
    await moderator.write("/moderate held")
    asked = await moderator.answer("has reported this result", button="Take")
    assert f"User{other.user}" not in asked.text
    assert "Only moderators" in await member.notice(await member.press(asked, "Take"))
    await moderator.press(asked, "Take")
    await api.until(lambda: done.deleted and not any(each.media for each in member.messages))
    await moderator.answer("Taken away by")


async def test_an_embedding_is_denied(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate models embedding only good*, fine not goodbye")
    await moderator.answer("embeddings: only good*, fine; not goodbye")
    await member.write("/polaroid embedding:goodbye", photo=picture())
    await member.answer("the embedding “goodbye” is blocked everywhere here")
    await moderator.write("/moderate models embedding all")
    await moderator.answer("embeddings: all")


_NO_ROADS = ((CallbackAction.ORIGINAL, "There are no files"), (CallbackAction.USE, "There is no picture"))


async def _held_run(member: Conversation, moderator: Conversation) -> tuple[str, Kept]:
    """Have a result held; the run's id and its waiting message."""
    await moderator.write("/moderate review on")
    await moderator.answer("review the results")
    await member.write("/negative", photo=picture())
    waiting = await member.answer("Waiting for a moderator")
    press = CallbackData.read(waiting.buttons()["Cancel"])
    assert press is not None
    return press.run_id, waiting


async def _try_every_road(api: BotApi, each: Conversation, run: str, waiting: Kept, number: int) -> None:
    for act, words in _NO_ROADS:
        await each.press(forged(each, CallbackData(act, run).data), "x")
        await api.until(lambda words=words: _said(each, words) == number)  # type: ignore[misc]
    await each.press(forged(each, CallbackData(CallbackAction.DETAILS, run).data), "x")
    await each.write("/poster", reply_to=waiting.id)
    await api.until(lambda: _said(each, "Photo") >= number)


async def test_a_held_result_is_had_by_no_road_before_the_yes(api: BotApi) -> None:
    member, moderator = group(api)
    run, waiting = await _held_run(member, moderator)
    for number, each in enumerate((member, Conversation(api, member.chat)), 1):
        await _try_every_road(api, each, run, waiting, number)
    assert not [each for each in member.messages if each.media or "png" in each.text.lower()]


@pytest.mark.long
async def test_a_moderator_has_a_held_result_by_the_review_alone_and_no_one_has_a_refused_one(api: BotApi) -> None:
    member, moderator = group(api)  # of its own, since a group takes twenty messages a minute
    run, waiting = await _held_run(member, moderator)
    await moderator.write("/moderate held")
    asked = await moderator.answer("waits for approval", button="Approve")
    await _try_every_road(api, moderator, run, waiting, 1)
    assert not [each for each in member.messages if each.media or "png" in each.text.lower()]
    await moderator.press(asked, "Refuse")
    await member.answer("refused this run")
    for act, words in _NO_ROADS:
        await member.press(forged(member, CallbackData(act, run).data), "x")
        await api.until(lambda words=words: _said(member, words) == 2)  # type: ignore[misc]


def _said(chat: Conversation, *words: str) -> int:
    return sum(all(word in each.text for word in words) for each in chat.messages)


async def test_the_panel_in_private(api: BotApi) -> None:
    member, moderator = group(api)
    await moderator.write("/moderate")
    await moderator.press(await moderator.answer(button="In private"), "In private")
    alone = Conversation(api, user=moderator.user)
    await alone.press(await alone.answer(button="✓ Sketch"), "✓ Sketch")
    await alone.answer(button="✗ Sketch")
    await member.write("/sketch", photo=picture())
    await member.answer("denied")


@pytest.mark.long
async def test_an_export_is_imported_elsewhere(api: BotApi) -> None:
    _member, moderator = group(api)
    await moderator.write("/moderate deny sketch")
    await moderator.answer("denied")
    await moderator.write("/moderate export")
    file = await api.until(lambda: next((each for each in moderator.messages if each.kind == "document"), None))
    member, other = group(api)
    await other.write("/moderate import", document=("decisions.json", file.media, "application/json"))
    await other.answer("Imported 1 decision")
    await member.write("/sketch", photo=picture())
    await member.answer("denied")


@pytest.mark.long
async def test_statistics_are_a_picture(api: BotApi) -> None:
    member, moderator = group(api)
    await member.write("/moderate stats")
    await member.answer("Only moderators")
    await moderator.write("/moderate stats 7")
    file = await api.until(lambda: next((each for each in moderator.messages if each.kind == "document"), None))
    with Image.open(BytesIO(file.media)) as drawn:
        assert drawn.format == "PNG"


@pytest.mark.long
async def test_trusted_people_add_a_workflow_and_name_its_fields(api: BotApi) -> None:
    member, moderator = group(api)
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    file = ("blank.json", json.dumps(graph).encode(), "application/json")
    await moderator.write("/moderate workflow add blank", document=file)
    await moderator.answer("trusts")
    trusted = Conversation(api, api.group(member.id), user=TRUSTED)
    api.administrators.add((member.id, TRUSTED))
    await trusted.write("/moderate workflow add blank", document=file)
    await trusted.answer("You can try it now")
    await trusted.write("/moderate workflow inputs blank")
    await trusted.answer("EmptyImage.width = 16")
    await trusted.write('/moderate workflow field blank width target=EmptyImage.width maximum=64 help="How wide it is"')
    await trusted.answer("Set “width” of “blank”")
    await member.write("/blank")
    await member.answer("still on trial")
    await trusted.write("/moderate workflow open blank")
    await trusted.answer("Opened “")
    await member.write("/blank width=65")
    await member.answer("65")
    await trusted.write("/moderate workflow field blank width wide=7")
    await trusted.answer("wide=7")
    await trusted.write("/moderate workflow rename blank plain")
    await trusted.answer("plain")
    await trusted.write("/moderate workflow remove plain")
    await trusted.answer("Removed “")
    await trusted.write("/moderate workflow")
    await trusted.answer("This is how")


@pytest.mark.long
async def test_the_panel_is_for_the_topic_or_for_the_whole_group(api: BotApi) -> None:
    place, seven = api.group(next(_groups), is_forum=True), {"message_thread_id": 7, "is_topic_message": True}
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    await moderator.write("/moderate", **seven)
    panel = await moderator.answer("Allowed here", button="For: the whole group")
    await moderator.press(panel, "For: the whole group")
    await moderator.answer("Allowed in this topic", button="✓ Negative")
    await moderator.press(panel, "✓ Negative")
    await moderator.answer("topic 7 of Friends", button="✗ Negative")
    await moderator.press(panel, "Runs a day: no limit")
    await moderator.answer("5 runs per day", button="Runs a day: 5")
    await moderator.press(panel, "For: this topic")
    await moderator.answer(button="Runs a day: no limit")
    await member.write("/negative", photo=picture(), **seven)
    await member.answer("denied in topic 7")
    await member.write("/negative", photo=picture(), message_thread_id=9, is_topic_message=True)
    await member.result()
    await moderator.write("/moderate")
    own = await api.until(lambda: moderator.last if "Take back the last" in moderator.last.buttons() else None)
    assert not any(label.startswith("For:") for label in own.buttons())  # there is no topic where it stands


@pytest.mark.long
async def test_results_go_to_the_topic_that_moderators_want(api: BotApi) -> None:
    place = api.group(next(_groups), is_forum=True)
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    await moderator.write("/moderate where topic", message_thread_id=7, is_topic_message=True)
    await moderator.answer("7")
    await member.write("/negative", photo=picture(), message_thread_id=9, is_topic_message=True)
    assert (await member.result()).data["message_thread_id"] == 7
    told = await member.answer("The result will appear in https://t.me/c/")
    assert told.data["message_thread_id"] == 9
    await moderator.write("/moderate where asked", message_thread_id=7, is_topic_message=True)
    await moderator.answer("where they were requested")
    await member.write("/negative", photo=picture(), message_thread_id=9, is_topic_message=True)
    assert (await member.result(2)).data["message_thread_id"] == 9


async def test_moderators_are_asked_in_no_chat_that_is_not_their_own(api: BotApi) -> None:
    _member, moderator = group(api)
    await moderator.write("/moderate review on -100123")
    await moderator.answer("only in chats that you administer")
    await moderator.write("/moderate review on elsewhere")
    await moderator.answer("This is how")
    api.administrators.add((-100124, moderator.user))
    await moderator.write("/moderate review on -100124")
    await moderator.answer("review the results")


@pytest.mark.long
async def test_refusals_by_a_denial_and_a_block_are_in_the_audit(api: BotApi) -> None:
    place = api.group(-100_950)
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    await member.write("/negative", photo=picture())
    done = await member.result()
    await moderator.write("/moderate deny negative")
    await moderator.answer("denied")
    await member.write("/negative", photo=picture())
    await member.answer("“negative” is denied")
    await member.press(done, "Again")
    await moderator.write(f"/moderate block {member.user} 1h spam")
    await moderator.answer("blocked")
    await member.write("/poster", photo=picture())
    await member.answer("The reason: spam")
    await moderator.write("/moderate log file")
    log = await api.until(lambda: next((each for each in member.messages if each.kind == "document"), None))
    refused = [line["words"] for line in map(json.loads, log.media.decode().splitlines()) if line["act"] == "refused"]
    assert [words.partition(":")[0] for words in refused] == ["poster", "negative", "negative"]
