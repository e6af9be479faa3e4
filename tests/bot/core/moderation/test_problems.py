"""What cannot be run, for those who can do something about it: why, and where what is missing can be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import NotAllowed
from bot.core.model import Person
from tests.bot.harness import ANN, HERE, MOD, house, write_workflows

OWNER = Person("test", "9", "Olga")
OPERATORS = (OWNER.key,)
URL = "https://example.com/ink.safetensors"


def drawn() -> dict[str, Any]:
    """A workflow as the editor saves it: it says where its node and its model can be had."""
    model = {"name": "ink.safetensors", "url": URL, "directory": "checkpoints"}
    node = {
        "id": 1,
        "type": "InkLoader",
        "inputs": [],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
        "widgets_values": ["ink.safetensors"],
        "properties": {"cnr_id": "ink-pack", "models": [model]},
    }
    save = {
        "id": 2,
        "type": "SaveImage",
        "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
        "outputs": [],
        "widgets_values": ["x"],
    }
    return {"version": 0.4, "nodes": [node, save], "links": [[1, 1, 0, 2, 0, "IMAGE"]]}


@pytest.mark.long
async def test_what_is_missing_is_told_with_where_it_can_be_had(tmp_path: Path) -> None:
    own = write_workflows(tmp_path)
    (own / "Ink.json").write_text(json.dumps(drawn()))
    (own / "torn.json").write_text("{")
    async with house(tmp_path, operators=OPERATORS) as home:
        problems = home.services.moderation.problems
        for person in (ANN, MOD):
            with pytest.raises(NotAllowed, match="trusts"):
                await problems.text(person, HERE)
        assert "ink" not in [each.workflow.name for each in await home.services.workflows.offers(ANN, HERE)]
        said = await problems.text(OWNER, HERE)
        assert "• Ink (ink): The server lacks the nodes InkLoader (pack ink-pack).\n" in said
        assert "The node InkLoader is from the pack ink-pack." in said
        assert "• torn.json: " in said
        assert "plain" not in said.casefold()
        assert await problems.text(OWNER, HERE, "paint") == "• Paint (paint): The server lacks the nodes Paint."
        assert await problems.text(OWNER, HERE, "plain") == "There is no problem with “plain”."


@pytest.mark.long
async def test_a_message_has_room_for_what_is_told(tmp_path: Path) -> None:
    own = write_workflows(tmp_path)
    for number in range(40):
        graph = {"1": {"class_type": "Lost" * 20, "inputs": {}, "_meta": {"title": "x"}}}
        (own / f"lost {number:02}.json").write_text(json.dumps(graph))
    async with house(tmp_path, operators=OPERATORS) as home:
        said = await home.services.moderation.problems.text(OWNER, HERE, "lost")
        assert len(said) < 1_900
        head, _newline, last = said.rpartition("\n")
        assert last.startswith(f"… and {40 - head.count('•')} more.")
