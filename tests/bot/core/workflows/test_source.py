"""A workflow as the editor saves it is one workflow, with a prompt for each server."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from bot.core.workflows.source import SavedSource
from bot.core.workflows.workflow import Declared, Target, Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

SAVED: dict[str, Any] = {
    "nodes": [
        {"id": 5, "type": "Draw", "outputs": [{"type": "IMAGE"}], "widgets_values": ["{a|b}", 20]},
        {"id": 7, "type": "Keep", "inputs": [{"name": "image", "type": "IMAGE", "link": 1}]},
    ],
    "links": [[1, 5, 0, 7, 0, "IMAGE"]],
}


def server(**more: Any) -> ObjectInfo:
    """A server; `more` are further inputs of the node that draws."""
    required = {"text": ["STRING", {"dynamicPrompts": True}], "steps": ["INT", {"max": 50}], **more}
    return ObjectInfo(
        {
            "Draw": {"input": {"required": required}, "output": ["IMAGE"]},
            "Keep": {"input": {"required": {"image": ["IMAGE", {}]}}, "output": [], "output_node": True},
        }
    )


def made(info: ObjectInfo, *fields: Declared) -> Workflow:
    source = SavedSource(SAVED)
    return Workflow("draw", "Draw", "", source.prompt_for(info), fields, source=source)


def test_the_prompt_is_made_for_the_server_that_runs_it() -> None:
    old, new = server(), server(style=[["ink", "oil"], {}])
    workflow = made(old, Declared("steps", (Target("5", "steps"),)))
    assert workflow.prompt["5"].inputs == {"text": "a", "steps": 20}
    assert workflow.fill({"steps": 30}, new)["5"].inputs == {"text": "a", "steps": 30, "style": "ink"}
    assert workflow.fill({"steps": 30}, old)["5"].inputs == {"text": "a", "steps": 30}
    assert workflow.fill({"steps": 30})["5"].inputs == {"text": "a", "steps": 30}


def test_a_workflow_runs_where_its_own_prompt_would_not() -> None:
    """The definitions that are known first may be those of a server that lacks an input."""
    assert made(server()).verdict(server(style=[["ink"], {}])).runs
    assert not replace(made(server(style=[["ink"], {}])), source=None).verdict(server(style=[["oil"], {}])).runs


def test_equal_definitions_give_the_same_prompt() -> None:
    source = SavedSource(SAVED)
    first = source.prompt_for(server(style=[["ink"], {}]))
    assert source.prompt_for(server(style=[["ink", "oil"], {"tooltip": "x"}])) is first
    assert source.prompt_for(server(style=[["oil"], {}]))["5"].inputs["style"] == "oil"
    assert "style" not in source.prompt_for(server(style=[[], {}]))["5"].inputs
    assert source.prompt_for(server(style=[["ink"], {"min": 3}])) is first  # made again, and found to be equal
    assert (source, hash(source)) == (SavedSource(SAVED), hash(SavedSource(source.data)))


def test_models_that_come_and_go_do_not_make_a_prompt_again() -> None:
    data = {**SAVED, "nodes": [{**SAVED["nodes"][0], "widgets_values": ["a", 20, "mine"]}, SAVED["nodes"][1]]}
    source = SavedSource(data)
    first = source.prompt_for(server(style=[["ink", "mine"], {}]))
    assert first["5"].inputs["style"] == "mine"
    assert source.prompt_for(server(style=[["oil"], {}])) is first
    assert source.prompt_for(server(style=[[], {}])) is first


def test_a_field_whose_node_a_server_is_not_sent_is_left_out() -> None:
    workflow = made(server(), Declared("gone", (Target("99", "x"),)), Declared("steps", (Target("5", "steps"),)))
    assert workflow.fill({"gone": 1, "steps": 3}, server())["5"].inputs["steps"] == 3


def test_a_prompt_in_the_api_format_gets_the_defaults_of_the_server() -> None:
    prompt = Prompt({"5": {"class_type": "Draw", "inputs": {"text": "a", "steps": 20}}})
    workflow = Workflow("draw", "Draw", "", prompt)
    assert workflow.fill({}, server(style=[["ink"], {}]))["5"].inputs["style"] == "ink"
    assert workflow.fill({}, server()) is prompt


def test_a_date_in_the_name_of_a_file_is_that_of_the_day() -> None:
    keep = {"input": {"required": {"filename_prefix": ["STRING", {}]}}, "output": [], "output_node": True}
    saved = {"nodes": [{"id": 1, "type": "SaveImage", "widgets_values": ["%date:yyyy%_a"]}], "links": []}
    source, info = SavedSource(saved), ObjectInfo({"SaveImage": keep})
    (first, second) = (source.prompt_for(info) for _time in range(2))
    assert first is second
    assert str(first["1"].inputs["filename_prefix"])[4:] == "_a"
    source.made[0].day = date(2020, 1, 1)
    source.made[0].prompt = Prompt({"1": {"class_type": "SaveImage", "inputs": {"filename_prefix": "2020_a"}}})
    assert source.prompt_for(info) == first
