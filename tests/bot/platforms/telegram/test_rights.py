"""People without rights are refused every decision, whatever they write or forge, and the audit log has it."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from bot.platforms.telegram.moderation import panel
from bot.platforms.telegram.moderation.commands import ModerateCommand
from bot.platforms.telegram.moderation.panel import Click
from bot.platforms.telegram.moderation.workflows import contribute
from bot.platforms.telegram.runs.callback_data import CallbackAction, CallbackData
from tests.bot.platforms.telegram.harness import Conversation, forged, picture
from tests.bot.platforms.telegram.server import BotApi

pytestmark = pytest.mark.asyncio(loop_scope="module")
_groups = count(-100_900_000, -1)

#: Every word of /moderate, with all that may stand behind it.
_ORDERS = (
    *("", "allow negative", "deny negative", "clear negative here admins", "limit day 1 together", "limit hour none"),
    *("limit credits 50", "spending 500", "price poster 20"),
    *("field poster colors max=5", "field poster colors open", "words rude hold naughty, /a+b/", "words rude none"),
    *("list animal cat | dog", "list animal none", "style film a photo of | on film", "style film none"),
    *("models lora only a*, b not c", "models model all"),
    *("review on", "review on -100123", "review off", "review clear here", "where topic", "where asked", "told never"),
    "private on",
    *("previews on", "spoilers off here", "block 500 3d too loud", "unblock 500", "why 500 negative", "held"),
    *(
        "admit 500",
        "dismiss 500",
        "log",
        "log file",
        "stats 7",
        "undo",
        "export",
        "import",
        "workflow add blank",
        "workflow inputs poster",
    ),
    *("workflow field poster colors none", "workflow field poster colors maximum=9", "workflow open poster"),
    "workflow problems",
    *(
        "workflow saved",
        "workflow publish poster",
        "workflow unpublish poster",
        "workflow versions poster",
    ),
    *("workflow back poster 1", "workflow templates cat"),
    *("workflow describe poster A | B", "workflow rename poster plain", "workflow remove poster"),
)


def group(api: BotApi) -> tuple[Conversation, Conversation]:
    """A member and a moderator of a group of their own."""
    place = api.group(next(_groups))
    member, moderator = Conversation(api, place), Conversation(api, place)
    api.administrators.add((member.id, moderator.user))
    return member, moderator


async def refusals(moderator: Conversation) -> list[dict[str, Any]]:
    """Return the refusals in the audit log of a group, earliest first; it has nothing else."""
    await moderator.write("/moderate log file")
    files = await moderator.api.until(lambda: [each for each in moderator.messages if each.kind == "document"])
    lines = [json.loads(line) for line in files[-1].media.decode().splitlines()]
    assert {line["act"] for line in lines} <= {"refused"}
    return lines[::-1]


def cases(function: Callable[..., Any]) -> set[str]:
    """The words that a function tells apart."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    patterns = [node.value for node in ast.walk(tree) if isinstance(node, ast.MatchValue)]
    return {str(each.value) for each in patterns if isinstance(each, ast.Constant)}


async def test_all_words_are_tried() -> None:
    words = [order.split() for order in _ORDERS if order]
    assert cases(ModerateCommand._do) <= {first for first, *_rest in words}
    assert cases(contribute) <= {rest[0] for first, *rest in words if first == "workflow"}


@pytest.mark.parametrize("order", _ORDERS)
async def test_every_word(api: BotApi, order: str) -> None:
    member, moderator = group(api)
    await member.write(f"/moderate {order}", document=("rules.json", b"{}", "application/json"))
    await member.answer("Only ")
    assert [line["person"] for line in await refusals(moderator)] == [f"telegram:{member.user}"]


def clicks(spot: str, run: str) -> list[Click]:
    """Every button of the panel of a group, and those below what waits there."""
    said = {"day": "5", "allow": "negative", "deny": "negative"} | dict.fromkeys(panel.OF_RUNS, run)
    return [Click(spot, act, said.get(act, "on")) for act in panel._ACTS.values()]


async def a_run(member: Conversation) -> str:
    """The id of a run in a group, of somebody else than its member."""
    other = Conversation(member.api, member.chat)
    await other.write("/negative", photo=picture())
    press = CallbackData.read((await other.result()).buttons()["Again"])
    assert press is not None
    return press.run_id


@pytest.mark.long
async def test_every_button_with_forged_data(api: BotApi) -> None:
    member, moderator = group(api)
    run = await a_run(member)
    for click in clicks(str(member.id), run):
        assert "Only moderators" in await member.notice(await member.press(forged(member, click.data), "x")), click
    changes = (CallbackAction.CANCEL, CallbackAction.CHANGE, CallbackAction.DELETE)
    for act in changes:
        told = await member.notice(await member.press(forged(member, CallbackData(act, run).data), "x"))
        assert "Only the person who asked" in told
    written = Counter(line["person"] for line in await refusals(moderator))
    assert written == {f"telegram:{member.user}": len(panel._ACTS) + len(changes)}


@pytest.mark.long
async def test_a_moderator_of_another_group_with_forged_data(api: BotApi) -> None:
    member, moderator = group(api)
    run = await a_run(member)
    _member, other = group(api)
    for click in clicks(str(member.id), run):
        assert "Only moderators" in await other.notice(await other.press(forged(other, click.data), "x")), click
    for click in (Click(str(other.id), "approve", run), Click(str(other.id), "refuse", run)):
        assert "another community" in await other.notice(await other.press(forged(other, click.data), "x"))
    acts = [act for act in CallbackAction if not act.is_for_all]  # the others name a group
    for act in acts:
        told = await other.notice(await other.press(forged(other, CallbackData(act, run).data), "x"))
        assert ("another person" if act is CallbackAction.MASK else "another chat") in told, act
    written = Counter(line["person"] for line in await refusals(moderator))
    assert written == {f"telegram:{other.user}": len(panel._ACTS) + 2 + len(acts)}
    assert len(await refusals(other)) == 2 + len(
        acts
    )  # both groups can read what was about a run of one from the other


@pytest.mark.long
async def test_buttons_that_are_nonsense(api: BotApi) -> None:
    member, moderator = group(api)
    for data in ("m:x:a:0:negative", "m:1:z:0:", f"m:{member.id}:l:0:7", f"m:{member.id}:y:0:x", "r:z:", "o:nothing"):
        await member.notice(await member.press(forged(member, data), "x"))
    gone = CallbackData(CallbackAction.DELETE, str(uuid4())).data
    assert "This run has been deleted." in await member.notice(await member.press(forged(member, gone), "x"))
    await moderator.write("/moderate log file")
    await moderator.answer("Nothing has been decided")
