"""Messages as a real server sent them become events; anything else becomes nothing, and never an exception."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.messages.events import (
    Executing,
    ExecutionCached,
    ExecutionSuccess,
    QueueStatus,
    parse_binary,
    parse_large_text,
    parse_text,
)
from comfy.messages.previews import Preview, ProgressText

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"
OF_OTHERS = {"assets.seed.started", "assets.seed.enrich_complete", "assets.seed.completed"}


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.ws.jsonl")), ids=lambda path: path.name)
def test_every_recorded_message_is_read(path: Path) -> None:
    for line in path.read_text().splitlines():
        text = json.loads(line).get("text")
        if text:
            kind = json.loads(text)["type"]
            assert (parse_text(text) is None) == (kind in OF_OTHERS), kind
            assert asyncio.run(parse_large_text(text)) == parse_text(text)


def test_the_order_of_a_plain_run() -> None:
    lines = (RECORDINGS / "b_cached_graph.ws.jsonl").read_text().splitlines()
    events = [parse_text(json.loads(line)["text"]) for line in lines]
    assert isinstance(events[0], QueueStatus)
    cached = next(event for event in events if isinstance(event, ExecutionCached))
    assert cached.nodes == ("1", "2", "3", "4", "5")
    assert any(isinstance(event, ExecutionSuccess) for event in events)
    assert isinstance(events[-1], Executing)
    assert events[-1].node is None


def test_a_preview_of_a_film_that_is_painted_is_one_of_its_pictures() -> None:
    numbers = b"".join(number.to_bytes(4, "big") for number in (1, 1, 1, 7))
    picture = b"\xff\xd8\xff\xe0 a JPEG"
    assert parse_binary(numbers + b"\x0217".ljust(16, b"\0") + picture) == Preview(None, None, "image/jpeg", picture)
    assert parse_binary(numbers[:8] + picture) == Preview(None, None, "image/jpeg", picture)


@pytest.mark.parametrize(("name", "prompt"), [("g_latent2rgb_metadata", True), ("g_latent2rgb_legacy_no_flags", False)])
def test_recorded_previews(name: str, prompt: bool) -> None:
    preview = parse_binary((RECORDINGS / f"{name}.frame.bin").read_bytes())
    assert isinstance(preview, Preview)
    assert (preview.prompt_id is not None) == prompt
    assert preview.content_type == "image/jpeg"
    assert preview.data.startswith(b"\xff\xd8")


def test_progress_text() -> None:
    assert parse_binary(b"\0\0\0\3\0\0\0\x012width: 64") == ProgressText("2", "width: 64")


@given(st.binary(max_size=64))
def test_no_frame_is_an_exception(frame: bytes) -> None:
    parse_binary(frame)
    for kind in (1, 3, 4):
        parse_binary(kind.to_bytes(4, "big") + frame)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = ["status", "feature_flags", "execution_start", "execution_cached", "executing", "progress", "progress_state"]


@given(st.sampled_from([*KINDS, "executed", "execution_error", "x"]), json_values)
@pytest.mark.long
def test_no_text_is_an_exception(kind: str, data: object) -> None:
    for text in (json.dumps({"type": kind, "data": data}), json.dumps(data)):
        assert repr(asyncio.run(parse_large_text(text))) == repr(parse_text(text))


@given(st.text())
@pytest.mark.long
def test_no_garbage_is_an_exception(text: str) -> None:
    parse_text(text)
    asyncio.run(parse_large_text(text))


def test_what_custom_nodes_send_under_known_names_is_passed_over_or_made_plain() -> None:
    assert parse_text('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":Infinity}}}}') is None
    header = json.dumps({"prompt_id": ["x"], "node_id": 7}).encode()
    preview = parse_binary(b"\0\0\0\4" + len(header).to_bytes(4, "big") + header + b"jpeg")
    assert preview == Preview("['x']", "7", "image/jpeg", b"jpeg")
