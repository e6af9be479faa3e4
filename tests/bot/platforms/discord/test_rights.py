"""People without rights are refused every decision, whatever they send, and the audit log has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from bot.platforms.discord.components import ALL as GROUPS
from bot.platforms.discord.components import ComponentAction
from bot.platforms.discord.moderation import panel
from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post, _member, _role, _user
from tests.bot.platforms.discord.harness import ALICE, BOB, MO, channel_of_its_own, first_file, house, picture, results

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOTHING, MANAGE_SERVER, MANAGE_MESSAGES = "0", str(1 << 5), str(1 << 13)
_SUBCOMMAND, _GROUP = 1, 2
_SAID = {"workflow": "poster", "field": "colors", "settings": "maximum=9"}  # any other text will do for the others
_HELD = (ComponentAction.SEE, ComponentAction.APPROVE, ComponentAction.REFUSE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB, MO)
        async with house(fake, tmp_path_factory.mktemp("house")):
            yield fake


@pytest_asyncio.fixture(loop_scope="module")
async def channel(fake: FakeDiscord) -> int:
    return await channel_of_its_own(fake)


def _subcommands(fake: FakeDiscord) -> Iterator[tuple[str, Any, Any]]:
    """Every subcommand of /moderate as Discord was told of it: its name, what it says, and the options in it."""
    tree = next(each for commands in fake.commands.values() for each in commands if each["name"] == "moderate")
    for each in tree["options"]:
        inner = each["options"] if each["type"] == _GROUP else [each]
        for act in inner:
            yield f"{each['name']} {act['name']}" if each["type"] == _GROUP else act["name"], each, act


def _chosen(fake: FakeDiscord, option: Mapping[str, Any], channel: int, found: dict[str, Any]) -> Any:
    """Something to choose for an option, by its kind; what it stands for is put among what Discord has `found`."""
    match option["type"]:
        case 3:
            return option["choices"][0]["value"] if option.get("choices") else _SAID.get(option["name"], "word")
        case 4 | 10:
            return option.get("min_value", 1)
        case 5:
            return True
        case 6:
            found["users"] = {str(ALICE): _user(ALICE)}
            found["members"] = {str(ALICE): _member() | {"permissions": "0"}}
            return str(ALICE)
        case 7:
            found["channels"] = {str(channel): {"id": str(channel), "type": 0, "name": "here", "permissions": "0"}}
            return str(channel)
        case 8:
            found["roles"] = {"90001": _role(90_001) | {"name": "Keepers"}}
            return "90001"
        case 11:
            file = fake.upload("rules.json", b"{}")
            found["attachments"] = {file["id"]: file}
            return file["id"]
    raise AssertionError(option)


async def _every_command(fake: FakeDiscord, channel: int, by: int, rights: str) -> dict[str, Asked]:
    """Send each subcommand with every option that it has."""
    sent = {}
    for name, outer, act in list(_subcommands(fake)):
        found: dict[str, Any] = {}
        options = [
            {"name": each["name"], "type": each["type"], "value": _chosen(fake, each, channel, found)}
            for each in act.get("options", [])
        ]
        said: dict[str, Any] = {"name": act["name"], "type": _SUBCOMMAND, "options": options}
        if outer is not act:
            said = {"name": outer["name"], "type": _GROUP, "options": [said]}
        data = {"id": "9", "name": "moderate", "type": 1, "options": [said], "resolved": found}
        sent[name] = await fake.ask(2, data, by, channel, own_permissions=rights)
    return sent


async def _was_refused(fake: FakeDiscord, asked: Asked) -> str:
    await fake.until(lambda: any(fake.whispers(asked)))
    (said,) = fake.whispers(asked)
    return said


async def _refusals(fake: FakeDiscord, channel: int) -> list[dict[str, Any]]:
    """Return the refusals in the audit log of a channel's server, earliest first; it has nothing else."""
    options = [{"name": "log", "type": 1, "options": [{"name": "file", "type": 5, "value": True}]}]
    data = {"id": "9", "name": "moderate", "type": 1, "options": options}
    given = await fake.ask(2, data, MO, channel, own_permissions=MANAGE_SERVER)
    await fake.until(lambda: any("Here it is" in text for text in fake.whispers(given)))
    lines = [json.loads(line) for line in first_file(fake.posts[given.original or 0]).decode().splitlines()]
    assert {line["act"] for line in lines} <= {"refused"}
    return lines[::-1]


@pytest.mark.parametrize("rights", [NOTHING, MANAGE_MESSAGES])
@pytest.mark.long
async def test_every_command(fake: FakeDiscord, channel: int, rights: str) -> None:
    sent = await _every_command(fake, channel, BOB, rights)
    assert len(sent) > 25
    for name, asked in sent.items():
        said = await _was_refused(fake, asked)
        assert said.startswith("Only "), f"{name}: {said}"
    written = await _refusals(fake, channel)
    assert Counter(line["person"] for line in written) == {f"discord:{BOB}": len(sent)}, [
        line["words"] for line in written
    ]


@pytest.mark.long
async def test_what_moderators_are_shown_as_they_write(fake: FakeDiscord, channel: int) -> None:
    """A member is told no names of workflows or fields."""
    for rights, names in ((NOTHING, []), (MANAGE_SERVER, ["poster"])):
        options = [{"name": "workflow", "type": 3, "value": "post", "focused": True}]
        data = {"id": "9", "name": "moderate", "type": 1, "options": [{"name": "deny", "type": 1, "options": options}]}
        _kind, answer = await (await fake.ask(4, data, BOB, channel, own_permissions=rights)).answer
        assert [each["value"] for each in answer["choices"]] == names


@pytest.mark.parametrize("kind", [3, 5])  # a click or a choice, and a window that is sent
@pytest.mark.parametrize("rights", [NOTHING, MANAGE_MESSAGES])
async def test_every_button_select_and_window_with_forged_data(
    fake: FakeDiscord, channel: int, rights: str, kind: int
) -> None:
    run = await _a_run(fake, channel)
    names = [panel.UNDO, "darkroom:panel:0", "darkroom:panel:999", "darkroom:panel-page:0"]
    names += [f"darkroom:{verb}:{run}" for verb in _HELD]
    for name in names:
        asked = await _forge(fake, channel, BOB, kind, name, rights)
        assert "Only moderators" in await _was_refused(fake, asked), name
    assert Counter(line["person"] for line in await _refusals(fake, channel)) == {f"discord:{BOB}": len(names)}


async def test_a_moderator_of_another_server_with_forged_data(fake: FakeDiscord, channel: int) -> None:
    run, elsewhere = await _a_run(fake, channel), await channel_of_its_own(fake)
    for verb in ComponentAction:
        asked = await _forge(fake, elsewhere, MO, 3, f"darkroom:{verb}:{run}", MANAGE_SERVER)
        said = "have been deleted" if verb in GROUPS else "belongs to another"  # a run is no group
        said = "for another person" if verb is ComponentAction.MASK else said
        assert said in await _was_refused(fake, asked), verb
    for where in (channel, elsewhere):  # the moderators of both servers can read of it
        assert Counter(line["person"] for line in await _refusals(fake, where)) == {
            f"discord:{MO}": len(ComponentAction) - len(GROUPS)
        }


async def test_a_member_changes_no_run_of_others(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    assert "Only the person who asked" in await _was_refused(fake, await fake.click(BOB, post, "Delete"))
    assert post.id in fake.posts
    assert [line["words"].partition(":")[0] for line in await _refusals(fake, channel)] == ["delete"]


async def test_who_may_not_write_has_the_bot_write_nothing(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    for verb in ("again", "change", "use"):
        asked = await fake.press(BOB, post, post.custom_id("Delete").replace("delete", verb), own_permissions="0")
        assert "Only people who may write here" in await _was_refused(fake, asked), verb
    given = await fake.press(BOB, post, post.custom_id("Delete").replace("delete", "original"), own_permissions="0")
    await fake.until(lambda: any(each.token == given.token and each.files for each in fake.posts.values()))
    assert len(await _refusals(fake, channel)) == 3


async def test_a_question_answers_one_person(fake: FakeDiscord, channel: int) -> None:
    await fake.slash(BOB, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    asked = await fake.press(BOB, post, f"darkroom:forget:{ALICE}")
    assert "for another person" in await _was_refused(fake, asked)
    mine = await fake.slash(BOB, channel, "mine")
    await fake.until(lambda: any("Negative" in text for text in fake.whispers(mine)))


async def _a_run(fake: FakeDiscord, channel: int) -> str:
    """The id of a run of somebody in a channel."""
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    return post.custom_id("Delete").rpartition(":")[2]


async def _forge(fake: FakeDiscord, channel: int, by: int, kind: int, name: str, rights: str) -> Asked:
    """Send what says that it comes from a button, a select or a window of this name."""
    post = Post(fake.new_id(), channel)
    data: dict[str, Any] = {"custom_id": name, "component_type": 2, "values": ["poster"], "components": []}
    return await fake.ask(kind, data, by, channel, message=post, own_permissions=rights)
