"""/moderate: what moderators decide holds at once, in the commands too; and nobody else decides anything."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.bot.platforms.discord.fake import Asked, FakeDiscord, Post, _member, _role, _user
from tests.bot.platforms.discord.harness import (
    ALICE,
    BOB,
    MO,
    channel_of_its_own,
    first_file,
    house,
    opened,
    picture,
    results,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOTHING, MANAGE_SERVER, MANAGE_MESSAGES = "0", str(1 << 5), str(1 << 13)
_KINDS = {str: 3, int: 4, bool: 5, float: 10}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as fake:
        fake.add_guild(ALICE, BOB, MO)
        folder = tmp_path_factory.mktemp("house")
        (added := folder / "data" / "workflows").mkdir(parents=True)
        async with house(fake, folder, workflows=added, settings={"DARKROOM_TRUSTED": f"discord:{MO}"}):
            yield fake


@pytest_asyncio.fixture(loop_scope="module")
async def channel(fake: FakeDiscord) -> int:
    return await channel_of_its_own(fake)


async def moderate(
    fake: FakeDiscord,
    channel: int,
    act: str,
    values: Mapping[str, Any] | None = None,
    *,
    by: int = MO,
    rights: str = MANAGE_SERVER,
    resolved: Mapping[str, Any] | None = None,
    kinds: Mapping[str, int] | None = None,
    group: str = "",
) -> Asked:
    options: list[dict[str, Any]] = [
        {"name": name, "type": (kinds or {}).get(name) or _KINDS[type(value)], "value": value}
        for name, value in (values or {}).items()
    ]
    acts = [{"name": act, "type": 1, "options": options}]
    if group:
        acts = [{"name": group, "type": 2, "options": acts}]
    data = {"id": "9", "name": "moderate", "type": 1, "options": acts}
    return await fake.ask(2, data | {"resolved": resolved or {}}, by, channel, own_permissions=rights)


async def told(fake: FakeDiscord, asked: Asked, words: str) -> None:
    await fake.until(lambda: any(words in text for text in fake.whispers(asked)))


def commands(fake: FakeDiscord, channel: int) -> list[str]:
    return [each["name"] for each in fake.commands[str(fake.channels[channel])]]


@pytest.mark.long
async def test_a_denied_workflow_is_refused_and_its_command_goes(fake: FakeDiscord, channel: int) -> None:
    assert "negative" in commands(fake, channel)
    await told(fake, await moderate(fake, channel, "deny", {"workflow": "negative"}), "denied")
    stale = {"id": "7", "name": "negative", "type": 1, "guild_id": str(fake.channels[channel]), "options": []}
    await told(fake, await fake.ask(2, stale, ALICE, channel), "negative")
    await fake.until(lambda: "negative" not in commands(fake, channel))
    log = await moderate(fake, channel, "log")
    await told(fake, log, "User 501: negative:")  # the refusal is in the audit
    await told(fake, await moderate(fake, channel, "undo"), "Undone")
    await fake.until(lambda: "negative" in commands(fake, channel))


@pytest.mark.parametrize("act", ["panel", "undo", "export", "held", "log"])
@pytest.mark.parametrize("rights", [NOTHING, MANAGE_MESSAGES])
async def test_nobody_else_decides(fake: FakeDiscord, channel: int, act: str, rights: str) -> None:
    await told(fake, await moderate(fake, channel, act, by=BOB, rights=rights), "Only moderators of this place")


@pytest.mark.long
async def test_a_list_of_texts_is_used_in_a_text(fake: FakeDiscord, channel: int) -> None:
    texts = {"name": "animal", "texts": "a cat | {a cat|a cat}"}
    await told(fake, await moderate(fake, channel, "list", texts, group="texts"), "takes one of its 2 texts")
    await told(fake, await fake.slash(ALICE, channel, "help", {}), "\\_\\_animal\\_\\_")
    await fake.slash(ALICE, channel, "polaroid", {"photo": picture(), "caption": "with __animal__"})
    (done,) = await results(fake, channel)
    assert "with a cat" in done.content
    await told(fake, await moderate(fake, channel, "list", {"name": "animal"}, group="texts"), "Deleted the list")


@pytest.mark.long
async def test_a_style_is_an_option_of_the_commands(fake: FakeDiscord, channel: int) -> None:
    film = {"name": "Film", "after": "on film"}
    await told(fake, await moderate(fake, channel, "style", film, group="texts"), "Set the style “Film”")

    def offered() -> bool:
        every = fake.commands[str(fake.channels[channel])]
        options = next(each["options"] for each in every if each["name"] == "polaroid")
        return any(each["name"] == "style" and each["choices"][0]["value"] == "Film" for each in options)

    await fake.until(offered)
    await fake.slash(ALICE, channel, "polaroid", {"photo": picture(), "caption": "a cat", "style": "Film"})
    (done,) = await results(fake, channel)
    assert "a cat, on film" in done.content
    assert "style Film" in done.content
    await told(fake, await moderate(fake, channel, "style", {"name": "Film"}, group="texts"), "Deleted the style")
    await fake.until(lambda: not offered())


async def test_an_embedding_is_denied(fake: FakeDiscord, channel: int) -> None:
    denied = {"what": "embedding", "deny": "bad*"}
    await told(fake, await moderate(fake, channel, "models", denied), "embeddings: not bad\\*")
    asked = await fake.slash(ALICE, channel, "polaroid", {"photo": picture(), "caption": "(embedding:bad-hands:1.2)"})
    await told(fake, asked, "the embedding “bad-hands” is blocked everywhere here")
    await told(fake, await moderate(fake, channel, "models", {"what": "embedding"}), "embeddings: all")


async def test_a_limit_counts(fake: FakeDiscord, channel: int) -> None:
    await told(fake, await moderate(fake, channel, "limit", {"measure": "hour", "most": 1}), "Set the limit")
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    await results(fake, channel)
    refused = await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    await fake.until(lambda: any(text and "way" not in text for text in fake.whispers(refused)))
    assert len([post for post in fake.public if post.channel == channel]) == 1


async def test_only_the_operator_permits_to_spend_money(fake: FakeDiscord, channel: int) -> None:
    words = "Only the operator of this bot can do that"
    await told(fake, await moderate(fake, channel, "spending", {"most": 500}), words)
    await told(fake, await moderate(fake, channel, "price", {"workflow": "negative", "price": 20.5}), words)
    values = {"measure": "credits", "most": 50}
    await told(fake, await moderate(fake, channel, "limit", values), "Set the limit: 50 credits per day")


@pytest.mark.long
async def test_a_budget_is_of_all_together(fake: FakeDiscord, channel: int) -> None:
    values = {"measure": "hour", "most": 1, "together": True}
    await told(fake, await moderate(fake, channel, "limit", values), "for all people together")
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    await results(fake, channel)
    await told(fake, await fake.slash(BOB, channel, "negative", {"photo": picture()}), "All of it has been used")
    await told(fake, await moderate(fake, channel, "limit", {"measure": "hour", "together": True}), "Removed the limit")
    await fake.slash(BOB, channel, "negative", {"photo": picture()})
    await results(fake, channel, 2)


async def test_a_field_is_narrowed(fake: FakeDiscord, channel: int) -> None:
    values = {"workflow": "poster", "field": "colors", "maximum": 5.0}
    await told(fake, await moderate(fake, channel, "field", values), "Set the field “colors”")

    def most() -> Any:
        poster = next(each for each in fake.commands[str(fake.channels[channel])] if each["name"] == "poster")
        return next(each for each in poster["options"] if each["name"] == "colors")["max_value"]

    await fake.until(lambda: most() == 5)


async def test_somebody_is_blocked(fake: FakeDiscord, channel: int) -> None:
    who = {"users": {str(BOB): _user(BOB)}, "members": {str(BOB): _member() | {"permissions": "0"}}}
    values = {"member": str(BOB), "reason": "noise"}
    blocked = await moderate(fake, channel, "block", values, resolved=who, kinds={"member": 6})
    await told(fake, blocked, "is blocked")
    await told(fake, await fake.slash(BOB, channel, "negative", {"photo": picture()}), "noise")
    why = await moderate(fake, channel, "why", {"member": str(BOB)}, resolved=who, kinds={"member": 6})
    await told(fake, why, "✗ negative")
    await told(
        fake,
        await moderate(fake, channel, "unblock", {"member": str(BOB)}, resolved=who, kinds={"member": 6}),
        "no longer blocked",
    )


async def test_the_panel_changes_what_is_allowed(fake: FakeDiscord, channel: int) -> None:
    shown = await moderate(fake, channel, "panel")
    await told(fake, shown, "Workflows here")
    post = fake.posts[shown.original or 0]
    menu = post.components[0]["components"][0]
    kept = [each["value"] for each in menu["options"] if each["value"] != "polaroid"]
    pick = {"component_type": 3, "custom_id": menu["custom_id"], "values": kept}
    await fake.ask(3, pick, MO, channel, message=post, own_permissions=MANAGE_SERVER)
    await fake.until(lambda: "⛔ Polaroid" in post.content)
    await fake.until(lambda: "polaroid" not in commands(fake, channel))


async def test_a_result_waits_for_a_yes(fake: FakeDiscord, channel: int) -> None:
    desk = fake.add_channel(fake.channels[channel])
    about = {"channels": {str(desk): {"id": str(desk), "type": 0, "name": "desk", "permissions": "0"}}}
    values = {"on": "on", "ask": str(desk)}
    asked = await moderate(fake, channel, "review", values, resolved=about, kinds={"ask": 7})
    await told(fake, asked, "Moderators review")
    for color in ("teal", "maroon"):
        await fake.slash(ALICE, channel, "negative", {"photo": picture(color=color)})

    def questions() -> list[Post]:
        return [post for post in fake.public if post.channel == desk and post.files]

    first, second = await fake.until(lambda: questions() if len(questions()) == 2 else None)
    assert first.labels == ["Approve", "Refuse"]
    assert not any(post.files for post in fake.public if post.channel == channel)
    run = first.custom_id("Approve").rpartition(":")[2]
    for verb in ("original", "use"):  # what is held is nobody's yet
        peeked = await fake.press(ALICE, Post(fake.new_id(), channel), f"darkroom:{verb}:{run}")
        await told(fake, peeked, "There ")
    forged = await fake.click(BOB, first, "Approve", own_permissions=MANAGE_MESSAGES)
    await told(fake, forged, "Only moderators")
    await fake.click(MO, first, "Approve", own_permissions=MANAGE_SERVER)
    await fake.click(MO, second, "Refuse", own_permissions=MANAGE_SERVER)
    posts = await results(fake, channel, 2)
    assert sorted(len(post.files) for post in posts) == [0, 1]
    await fake.until(lambda: first.labels == [] and "Approved by User 503" in first.content)


@pytest.mark.long
async def test_a_reported_result_is_taken_away(fake: FakeDiscord, channel: int) -> None:
    desk = fake.add_channel(fake.channels[channel])
    about = {"channels": {str(desk): {"id": str(desk), "type": 0, "name": "desk", "permissions": "0"}}}
    values = {"on": "off", "ask": str(desk)}
    await told(fake, await moderate(fake, channel, "review", values, resolved=about, kinds={"ask": 7}), "")
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, channel)
    menu = {"name": "Report this result", "id": "9", "type": 3, "target_id": str(post.id)}
    menu["resolved"] = {"messages": {str(post.id): fake.message(post)}}
    await told(fake, await fake.ask(2, menu, BOB, channel), "not told that it was you")
    details = await fake.click(BOB, post, "Details")
    shown = await fake.until(
        lambda: next((p for p in fake.posts.values() if p.token == details.token and p.labels), None)
    )
    await told(fake, await fake.click(BOB, shown, "Report"), "reported this result already")
    asked = await fake.until(lambda: next((each for each in fake.public if each.channel == desk), None))
    assert asked.labels == ["Take it away", "Leave it"]
    assert "502" not in asked.content
    await told(fake, await moderate(fake, channel, "held"), "reported 1 time")
    await told(fake, await fake.click(BOB, asked, "Take it away", own_permissions=NOTHING), "Only moderators")
    await fake.click(MO, asked, "Take it away", own_permissions=MANAGE_SERVER)
    await fake.until(lambda: not post.files and "removed this result" in post.content)
    await fake.until(lambda: not asked.labels and not asked.files and "Taken away by User 503" in asked.content)


@pytest.mark.long
async def test_results_go_to_another_channel(fake: FakeDiscord, channel: int) -> None:
    gallery = fake.add_channel(fake.channels[channel])
    about = {"channels": {str(gallery): {"id": str(gallery), "type": 0, "name": "gallery", "permissions": "0"}}}
    values = {"to": str(gallery), "spoilers": True}
    await told(fake, await moderate(fake, channel, "where", values, resolved=about, kinds={"to": 7}), "Results")
    await fake.slash(ALICE, channel, "negative", {"photo": picture()})
    (post,) = await results(fake, gallery)
    assert next(iter(post.files)).startswith("SPOILER_")
    assert opened(first_file(post)).size == (64, 48)
    assert not [each for each in fake.public if each.channel == channel]
    await fake.press(BOB, post, post.custom_id("Delete").replace("delete", "again"))  # of an older message
    await results(fake, gallery, 2)


async def test_decisions_are_exported_and_imported(fake: FakeDiscord, channel: int) -> None:
    await told(fake, await moderate(fake, channel, "deny", {"workflow": "dream"}), "denied")
    given = await moderate(fake, channel, "export")
    await told(fake, given, "Here it is")
    content = first_file(fake.posts[given.original or 0])
    elsewhere = fake.add_channel(fake.add_guild(MO))
    file = fake.upload("rules.json", content)
    taken = await moderate(
        fake,
        elsewhere,
        "import",
        {"file": file["id"]},
        resolved={"attachments": {file["id"]: file}},
        kinds={"file": 11},
    )
    await told(fake, taken, "Imported 1 decision")


async def test_only_the_owner_names_moderators(fake: FakeDiscord, channel: int) -> None:
    role = _role(90_001) | {"name": "Keepers"}
    values = {"first": "90001"}
    refused = await moderate(
        fake, channel, "moderators", values, resolved={"roles": {"90001": role}}, kinds={"first": 8}
    )
    await told(fake, refused, "Only the owner of this place")


async def test_statistics_are_a_picture(fake: FakeDiscord, channel: int) -> None:
    given = await moderate(fake, channel, "stats", {"days": 7})
    await told(fake, given, "Here it is")
    assert opened(first_file(fake.posts[given.original or 0])).format == "PNG"
    await told(fake, await moderate(fake, channel, "stats", by=BOB, rights=NOTHING), "Only moderators")


async def test_what_cannot_run_is_told_to_those_who_can_help(fake: FakeDiscord, channel: int) -> None:
    data = {"id": "7", "name": "run", "type": 1, "options": [{"name": "workflow", "type": 3, "value": "imagine"}]}
    await told(fake, await fake.ask(2, data, BOB, channel), "cannot run on this server")
    await told(fake, await moderate(fake, channel, "problems", by=BOB, group="workflow"), "trusts")
    listed = await moderate(fake, channel, "problems", {"words": "imag"}, group="workflow")
    await told(fake, listed, "The server lacks the nodes CheckpointLoaderSimple")


@pytest.mark.long
async def test_trusted_people_add_a_workflow(fake: FakeDiscord, channel: int) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 7}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    file = fake.upload("blank.json", json.dumps(graph).encode())
    resolved = {"attachments": {file["id"]: file}}
    values = {"name": "blank", "file": file["id"]}
    kinds = {"file": 11}
    refused = await moderate(fake, channel, "add", values, by=BOB, resolved=resolved, kinds=kinds, group="workflow")
    await told(fake, refused, "trusts")
    added = await moderate(fake, channel, "add", values, resolved=resolved, kinds=kinds, group="workflow")
    await told(fake, added, "You can try it now")
    blank = {"workflow": "blank"}
    await told(fake, await moderate(fake, channel, "inputs", blank, group="workflow"), "EmptyImage.width = 16")
    settings = {**blank, "field": "width", "settings": "target=EmptyImage.width maximum=64"}
    await told(fake, await moderate(fake, channel, "field", settings, group="workflow"), "Set “")
    assert "blank" not in commands(fake, channel)  # it is on trial
    await told(fake, await moderate(fake, channel, "open", blank, group="workflow"), "Opened “")

    def widest() -> list[Any]:
        blanks = [each for each in fake.commands[str(fake.channels[channel])] if each["name"] == "blank"]
        return [option.get("max_value") for each in blanks for option in each["options"] if option["name"] == "width"]

    await fake.until(lambda: widest() == [64])
    renamed = await moderate(fake, channel, "rename", {**blank, "name": "plain"}, group="workflow")
    await told(fake, renamed, "plain")
    await told(fake, await moderate(fake, channel, "remove", {"workflow": "plain"}, group="workflow"), "Removed “")
