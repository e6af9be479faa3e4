"""Bad requests get the answers that a real server gave: status, error type, and every node's errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from comfy.embedded import EmbeddedServer

RECORDED = json.loads((Path(__file__).parent.parent.parent / "data" / "recordings" / "c_http_errors.json").read_text())
NEEDS_MODELS = {"checkpoint_not_in_list"}
CASES = [case for case in RECORDED if "request_prompt" in case and case["case"] not in NEEDS_MODELS]
#: The recording cuts long bodies off; those are asked again below, with a body of our own.
RAW = [case for case in RECORDED if len(case.get("request_raw", "x" * 100)) < 100]


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with EmbeddedServer(tmp_path) as server:
        Image.new("RGB", (64, 48), (51, 102, 153)).save(tmp_path / "input" / "probe.png")
        async with aiohttp.ClientSession(server.url) as session:
            yield session


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
async def test_a_prompt_is_judged_as_the_real_server_judged_it(
    case: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    async with session.post("/prompt", json={"prompt": case["request_prompt"]}) as answer:
        assert answer.status == case["status"]
        if answer.status == 500:
            assert answer.content_type == "text/plain"
            return
        assert comparable(await answer.json()) == comparable(case["body"])


@pytest.mark.parametrize("case", RAW, ids=lambda case: case["case"])
async def test_a_body_is_answered_as_the_real_server_answered_it(
    case: dict[str, Any], session: aiohttp.ClientSession
) -> None:
    headers = {"Content-Type": case["request_ct"]}
    async with session.post("/prompt", data=case["request_raw"].encode(), headers=headers) as answer:
        assert answer.status == case["status"]
        if answer.status == 400:
            assert (await answer.json())["error"] == case["body"]["error"]


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Without ids, numbers, tracebacks and tooltips; the outputs that depend on a node in any order."""
    errors = {node_id: _node(node) for node_id, node in body["node_errors"].items()}
    return {"error": body.get("error"), "node_errors": errors}


def _node(node: dict[str, Any]) -> dict[str, Any]:
    errors = [_error(error) for error in node["errors"]]
    return {"errors": errors, "dependent": sorted(node["dependent_outputs"]), "class_type": node["class_type"]}


def _error(error: dict[str, Any]) -> dict[str, Any]:
    extra = {key: value for key, value in error["extra_info"].items() if key != "traceback"}
    if isinstance(extra.get("input_config"), list) and len(extra["input_config"]) > 1:
        kind, options = extra["input_config"]
        extra["input_config"] = [kind, {key: value for key, value in options.items() if key != "tooltip"}]
    return {**error, "extra_info": extra}


GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "probe.png"}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}
GOOD_ID = "90b3bb2a-a279-43ba-9e3f-192c10fc4de0"


@pytest.mark.parametrize(
    ("extra", "status", "kind"),
    [
        ({"prompt_id": GOOD_ID}, 200, None),
        ({"prompt_id": None}, 200, None),
        ({"prompt_id": "nonsense"}, 400, "invalid_prompt_id"),
        ({"prompt_id": GOOD_ID.upper()}, 400, "invalid_prompt_id"),
        ({"prompt_id": GOOD_ID.replace("-", "")}, 400, "invalid_prompt_id"),
        ({"partial_execution_targets": ["2"]}, 200, None),
        ({"partial_execution_targets": ["7"]}, 400, "prompt_no_outputs"),
        ({"extra_data": None}, 500, None),
        ({"number": "abc"}, 500, None),
    ],
)
async def test_what_may_stand_beside_the_prompt(
    extra: dict[str, Any], status: int, kind: str | None, session: aiohttp.ClientSession
) -> None:
    async with session.post("/prompt", json={"prompt": GRAPH, **extra}) as answer:
        assert answer.status == status
        if kind:
            assert (await answer.json())["error"]["type"] == kind


async def test_a_graph_may_be_deeper_than_pythons_stack(session: aiohttp.ClientSession) -> None:
    inverts = {str(n): {"class_type": "ImageInvert", "inputs": {"image": [str(n - 1), 0]}} for n in range(2, 1500)}
    last = {"class_type": "PreviewImage", "inputs": {"images": ["1499", 0]}}
    broken = {"class_type": "LoadImage", "inputs": {"image": "gone.png"}}
    async with session.post("/prompt", json={"prompt": {"1": broken, **inverts, "last": last}}) as answer:
        assert answer.status == 400
        assert list((await answer.json())["node_errors"]) == ["1"]
    async with session.post("/prompt", json={"prompt": {"1": GRAPH["1"], **inverts, "last": last}}) as answer:
        assert answer.status == 200
        ours = (await answer.json())["prompt_id"]
    await session.post(f"/api/jobs/{ours}/cancel")


async def test_only_prompts_without_a_number_are_counted(session: aiohttp.ClientSession) -> None:
    numbers = []
    for extra in ({}, {"number": 70}, {}, {"front": True}):
        async with session.post("/prompt", json={"prompt": GRAPH, **extra}) as answer:
            numbers.append((await answer.json())["number"])
    assert numbers == [0, 70, 1, -2]
