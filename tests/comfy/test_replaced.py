"""A workflow with nodes that a server has renamed or replaced runs there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given

from comfy import ComfyClient, ObjectInfo, Prompt, Server
from comfy.errors import Garbled
from comfy.replaced import up_to_date, with_outdated
from comfy.saved import convert
from comfy.verdict import MissingInput, MissingNode, judge
from tests.comfy.messages.test_events import json_values
from tests.comfy.unruly import Unruly

INT: Any = ["INT", {"default": 8, "min": 0, "max": 64}]
DEFINITIONS: dict[str, Any] = {
    "Draw": {
        "input": {"required": {"size": INT, "ink": [["red", "blue"], {}], "base": ["IMAGE", {}]}},
        "output": ["MASK", "IMAGE"],
    },
    "Blank": {"input": {"required": {"size": INT}}, "output": ["IMAGE"]},
    "Keep": {"input": {"required": {"images": ["IMAGE", {}]}}, "output": [], "output_node": True},
    "Resize": {
        "input": {
            "required": {
                "picture": ["IMAGE", {}],
                "how": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "exactly", "inputs": {"required": {"width": INT}}},
                            {"key": "by", "inputs": {"required": {"factor": ["FLOAT", {"max": 4}]}}},
                        ]
                    },
                ],
            }
        },
        "output": ["IMAGE"],
    },
    "Batch": {
        "input": {
            "required": {
                "images": [
                    "COMFY_AUTOGROW_V3",
                    {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "max": 9}},
                ]
            }
        },
        "output": ["IMAGE"],
    },
}
REPLACED: dict[str, Any] = {
    "Draw ": [{"new_node_id": "Draw", "old_widget_ids": None, "input_mapping": None, "output_mapping": None}],
    "Paint": [
        {
            "new_node_id": "Draw",
            "old_widget_ids": ["colour", "gone", "pixels"],
            "input_mapping": [
                {"new_id": "size", "old_id": "pixels"},
                {"new_id": "ink", "old_id": "colour"},
                {"new_id": "base", "old_id": "on"},
            ],
            "output_mapping": [{"new_idx": 1, "old_idx": 0}],
        }
    ],
    "Scale": [
        {
            "new_node_id": "Resize",
            "old_widget_ids": ["scale_by"],
            "input_mapping": [
                {"new_id": "picture", "old_id": "image"},
                {"new_id": "how", "set_value": "by"},
                {"new_id": "how.factor", "old_id": "scale_by"},
            ],
            "output_mapping": None,
        }
    ],
    "Join": [
        {
            "new_node_id": "Batch",
            "old_widget_ids": None,
            "input_mapping": [
                {"new_id": "images.image0", "old_id": "a"},
                {"new_id": "images.image1", "old_id": "b"},
            ],
            "output_mapping": None,
        }
    ],
    "Keep": [{"new_node_id": "Blank", "old_widget_ids": None, "input_mapping": None, "output_mapping": None}],
    "Lost": [{"new_node_id": "Neither", "old_widget_ids": None, "input_mapping": None, "output_mapping": None}],
}
DATA = with_outdated(DEFINITIONS, REPLACED)
INFO = ObjectInfo(DATA)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


GRAPH = {
    "1": node("Blank", size=8),
    "2": node("Paint", colour="blue", pixels=16, gone=3, on=["1", 0]),
    "3": node("Scale", image=["2", 0], scale_by=2.0),
    "4": node("Join", a=["3", 0], b=["2", 0]),
    "5": node("Keep", images=["4", 0]),
}


def test_a_replaced_node_takes_the_place_of_the_old_one_with_its_inputs_and_links() -> None:
    assert judge(Prompt(GRAPH), INFO).faults == ()
    made = up_to_date(GRAPH, DATA)
    assert made == {
        "1": node("Blank", size=8),
        "2": node("Draw", size=16, ink="blue", base=["1", 0]),
        "3": node("Resize", picture=["2", 1], how="by", **{"how.factor": 2.0}),
        "4": node("Batch", **{"images.image0": ["3", 0], "images.image1": ["2", 1]}),
        "5": node("Keep", images=["4", 0]),
    }
    assert judge(Prompt(made), ObjectInfo(DEFINITIONS)).faults == ()


def test_a_renamed_node_keeps_its_inputs() -> None:
    graph = {**GRAPH, "2": node("Draw ", size=16, ink="blue", base=["1", 0])}
    assert up_to_date(graph, DATA)["2"] == node("Draw", size=16, ink="blue", base=["1", 0])


def test_what_a_replaced_node_needs_and_does_not_take_is_told_by_its_old_names() -> None:
    graph = {**GRAPH, "2": node("Paint", colour="green", on=["1", 0]), "3": node("Scale", image=["2", 0])}
    found = judge(Prompt(graph), INFO).faults
    assert MissingInput("3", "Scale", "scale_by") in found
    assert "'colour', value='green', choices=('red', 'blue')" in str(found)


def test_a_class_that_is_there_is_not_replaced_and_one_without_successor_is_missing() -> None:
    graph = {"1": node("Lost"), "2": node("Keep", images=["1", 0])}
    assert MissingNode("1", "Lost") in judge(Prompt(graph), INFO).faults
    assert up_to_date(graph, DATA) is graph


def test_a_saved_workflow_gives_a_replaced_node_its_values_in_their_old_order() -> None:
    saved = {
        "nodes": [
            {"id": 1, "type": "Blank", "widgets_values": [8], "outputs": [{"type": "IMAGE", "links": [1]}]},
            {
                "id": 2,
                "type": "Paint",
                "inputs": [{"name": "on", "type": "IMAGE", "link": 1}],
                "widgets_values": ["blue", 3, 16],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }
    made = convert(saved, DATA)
    assert made.unknown == ()
    assert up_to_date(made.prompt, DATA)["2"]["inputs"] == {"size": 16, "ink": "blue", "base": ["1", 0]}


def test_what_costs_money_does_so_by_its_old_name_too() -> None:
    paid = {**DEFINITIONS, "Draw": {**DEFINITIONS["Draw"], "api_node": True}}
    assert ObjectInfo(with_outdated(paid, REPLACED)).paid == {"Draw", "Draw ", "Paint"}


@pytest.mark.parametrize("status", [200, 404])
async def test_a_client_asks_what_is_replaced_and_posts_the_new_nodes(status: int) -> None:
    posted: list[Any] = []

    async def answers(request: web.Request) -> web.StreamResponse | None:
        if request.path == "/object_info":
            return web.json_response(DEFINITIONS)
        if request.path == "/node_replacements":
            return web.json_response(REPLACED) if status == 200 else web.Response(status=404, text="404: Not Found")
        if request.path == "/prompt":
            posted.append(json.loads(await request.text())["prompt"])
        return None

    async with Unruly() as server:
        server.intercept = answers
        async with ComfyClient(Server(server.url)) as client:
            info = await client.object_info()
            assert ("Paint" in info) is (status == 200)
            await client.submit(Prompt(GRAPH))
    assert posted[0]["2"]["class_type"] == ("Draw" if status == 200 else "Paint")
    assert posted[0]["2"]["_meta"] == {"title": "Paint"}


async def test_while_a_server_says_the_same_it_is_read_once() -> None:
    said = {"/object_info": DEFINITIONS, "/node_replacements": REPLACED}

    async def answers(request: web.Request) -> web.StreamResponse | None:
        return web.json_response(said[request.path]) if request.path in said else None

    async with Unruly() as server, ComfyClient(Server(server.url)) as client:
        server.intercept = answers
        first = await client.object_info()
        assert await client.object_info(refresh=True) is first
        said["/node_replacements"] = {}
        second = await client.object_info(refresh=True)
        assert ("Paint" in first, "Paint" in second) == (True, False)
        said["/object_info"] = {"Blank": DEFINITIONS["Blank"]}
        assert set((await client.object_info(refresh=True)).class_types) == {"Blank"}
        said["/object_info"] = {}
        with pytest.raises(Garbled, match="lists no nodes"):
            await client.object_info(refresh=True)
        said["/object_info"] = DEFINITIONS
        assert len(await client.object_info(refresh=True)) == len(DEFINITIONS)


@given(json_values)
@pytest.mark.long
def test_no_answer_breaks_anything(answer: Any) -> None:
    entry = answer if isinstance(answer, dict) else {}
    for said in ({"Paint": answer}, {"Paint": [{**entry, "new_node_id": "Draw", "input_mapping": answer}]}):
        data = with_outdated(DEFINITIONS, said)
        judge(Prompt(GRAPH), ObjectInfo(data))
        up_to_date(GRAPH, data)
