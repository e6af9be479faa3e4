"""A picture's field takes a mask if the graph uses the mask that its loader reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.core.workflows.workflow import Declared, Target, Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

INFO = ObjectInfo(json.loads((Path(__file__).parents[3] / "data" / "object_info.json").read_text()))


@pytest.mark.parametrize(
    ("loader", "inputs", "output", "takes"),
    [
        ("LoadImage", {}, 0, False),
        ("LoadImage", {}, 1, True),
        ("LoadImageMask", {"channel": "alpha"}, 0, True),
        ("LoadImageMask", {"channel": "red"}, 0, False),
        ("LoadImageOutput", {}, 1, True),
    ],
)
def test_the_mask_of_a_loader_is_used_or_not(loader: str, inputs: dict[str, Any], output: int, *, takes: bool) -> None:
    graph = {
        "1": {"class_type": loader, "inputs": {"image": "a.png", **inputs}},
        "2": {"class_type": "Anything", "inputs": {"given": ["1", output]}},
    }
    workflow = Workflow("w", "W", "", Prompt(graph), [Declared("photo", (Target("1", "image"),))])
    assert workflow.form(INFO)["photo"].mask is takes
    if loader != "LoadImageOutput":  # that it takes pictures, only a server says
        assert workflow.form()["photo"].mask is takes


def test_the_mask_of_a_node_that_only_a_server_knows() -> None:
    data = json.loads(json.dumps(INFO.data["LoadImage"])) | {"output": ["STRING", "IMAGE", "MASK"]}
    graph = {
        "1": {"class_type": "LoadMine", "inputs": {"image": "a.png"}},
        "2": {"class_type": "Anything", "inputs": {"given": ["1", 2]}},
    }
    workflow = Workflow("w", "W", "", Prompt(graph), [Declared("photo", (Target("1", "image"),))])
    assert workflow.form(ObjectInfo({"LoadMine": data}))["photo"].mask
    assert not workflow.form(ObjectInfo({"LoadMine": data | {"output": ["STRING", "MASK", "IMAGE"]}}))["photo"].mask
