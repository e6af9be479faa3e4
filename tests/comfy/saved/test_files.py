"""Workflows in files: JSON, wrapped JSON, and what ComfyUI writes into pictures, videos, sound and models."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.saved import UnreadableWorkflow
from comfy.saved.files import parse_workflow, read_workflow, with_defaults
from tests.comfy.saved.graphs import DEFINITIONS, graph, node

RESULTS = sorted((Path(__file__).parents[2] / "data" / "results").iterdir())
SAVED = graph(node(1, "Text", ("ein süßes 猫",)))
PROMPT = {"1": {"class_type": "Text", "inputs": {"text": "x"}}}


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [struct.pack(">I", len(body)) + kind + body + b"\0\0\0\0" for kind, body in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def packed(text: bytes) -> bytes:
    return b"workflow\0\1\0\0\0" + zlib.compress(text)


def found(folder: Path, data: bytes) -> Any:
    path = folder / "file.bin"
    path.write_bytes(data)
    return read_workflow(path).data


@pytest.mark.parametrize("path", RESULTS, ids=[path.name for path in RESULTS])
def test_what_comfyui_saves_has_its_workflow(path: Path) -> None:
    assert read_workflow(path).data


@pytest.mark.parametrize(
    "wrapped",
    [
        SAVED,
        {"prompt": SAVED},
        {"input": {"workflow": SAVED}},
        {"prompt": PROMPT, "extra_data": {"extra_pnginfo": {"workflow": SAVED}}},
        {"workflow": json.dumps(SAVED), "prompt": json.dumps(PROMPT)},
    ],
)
def test_a_saved_workflow_is_found_where_others_wrap_it(wrapped: Any) -> None:
    read = parse_workflow(json.dumps(wrapped))
    assert (read.is_saved, read.data) == (True, SAVED)


@pytest.mark.parametrize("wrapped", [PROMPT, {"prompt": PROMPT}, {**PROMPT, "_meta": {"x": 1}}])
def test_a_prompt_is_found_and_its_remarks_are_left_out(wrapped: Any) -> None:
    read = parse_workflow(json.dumps(wrapped).encode("utf-8-sig"))
    assert (read.is_saved, read.data) == (False, PROMPT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON: line 1, column 2"),
        ("[]", "no ComfyUI workflow"),
        ('{"templates": []}', "templates of nodes"),
        ('{"1": {"class_type": 5}}', "no ComfyUI workflow"),
        ("[" * 100_000, "not JSON"),
        (b"\xff\xfe{", "not text in UTF-8"),
    ],
)
def test_what_is_no_workflow_is_refused_with_the_reason(text: str | bytes, reason: str) -> None:
    with pytest.raises(UnreadableWorkflow, match=reason):
        parse_workflow(text)


def test_texts_of_png_in_all_their_forms(tmp_path: Path) -> None:
    text = json.dumps(SAVED, ensure_ascii=False).encode()
    plain, pressed = b"workflow\0" + json.dumps(SAVED).encode(), b"workflow\0\0" + zlib.compress(text)
    for kind, body in ((b"tEXt", plain), (b"zTXt", pressed), (b"iTXt", packed(text)), (b"comf", plain)):
        assert found(tmp_path, png((b"IHDR", b"x" * 13), (kind, body))) == SAVED


def test_models_and_drawings_have_it_as_text_within_json_or_xml(tmp_path: Path) -> None:
    gltf = json.dumps({"asset": {"version": "2.0", "extras": {"workflow": json.dumps(SAVED)}}}).encode()
    assert found(tmp_path, b"glTF" + struct.pack("<III", 2, 0, len(gltf)) + b"JSON" + gltf + b"\0" * 9) == SAVED
    drawing = f"<svg><metadata><![CDATA[{json.dumps({'prompt': PROMPT, 'workflow': SAVED})}]]></metadata></svg>"
    assert found(tmp_path, drawing.encode()) == SAVED


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypisom", b"fLaC", b"OggS"])
def test_half_a_character_becomes_a_question_mark_in_every_format(head: bytes, tmp_path: Path) -> None:
    text = b'{"nodes": [{"id": 1, "type": "A", "title": "\\ud83d"}]}'
    data = png((b"tEXt", b"workflow\0" + text)) if b"PNG" in head else head + text
    assert found(tmp_path, data)["nodes"][0]["title"] == "?"


def test_a_photograph_has_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableWorkflow, match="no ComfyUI workflow in it"):
        found(tmp_path, b"\xff\xd8\xff" + bytes(range(256)) * 1000)


@pytest.mark.long
def test_a_text_that_unpacks_to_far_too_much_costs_no_memory(tmp_path: Path) -> None:
    bomb = zlib.compress(b"[" * (200 << 20), 1)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableWorkflow, match="too long when it is unpacked"):
            found(tmp_path, png((b"iTXt", b"workflow\0\1\0\0\0" + bomb)))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_texts_that_are_too_long_together_cost_no_memory(tmp_path: Path) -> None:
    text = b"workflow\0\0" + zlib.compress(b"a" * (3 << 20))
    with pytest.raises(UnreadableWorkflow, match="too long"):
        found(tmp_path, png(*[(b"zTXt", text)] * 100))


def test_of_a_large_file_the_beginning_and_the_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    for at in (100, (2 << 30) - 100_000):
        with path.open("wb") as file:
            file.write(b"\0\0\0\x18ftypmp42")
            file.seek(at)
            file.write(json.dumps(SAVED).encode())
            file.truncate(2 << 30)
        tracemalloc.start()
        try:
            assert read_workflow(path).data == SAVED
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 100_000_000


@pytest.mark.parametrize("text", ["[" + "[]," * 1_000_000 + "[]]", '{"a":' + '{"b":0},' * 400_000 + "1}"])
def test_json_of_very_many_parts_is_refused_before_it_is_read(text: str) -> None:
    with pytest.raises(UnreadableWorkflow, match="too many parts"):
        parse_workflow(text)


def test_a_prompt_of_too_many_nodes_is_refused() -> None:
    with pytest.raises(UnreadableWorkflow, match="more than 1500 nodes"):
        parse_workflow(json.dumps({str(number): PROMPT["1"] for number in range(10_000)}))


def test_a_file_full_of_what_looks_like_json_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(UnreadableWorkflow):
        found(tmp_path, b"x" + b'{"a":' * 2_000_000)


def test_fifty_megabytes_of_json_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.write(b"{")
        file.truncate(50 << 20)
    with pytest.raises(UnreadableWorkflow, match="larger than 4 MB"):
        read_workflow(path)


def test_what_was_saved_at_a_server_may_be_no_larger_than_a_file() -> None:
    with pytest.raises(UnreadableWorkflow, match="larger than 4 MB"):
        parse_workflow(b'{"nodes": [], "text": "' + b"a" * (5 << 20) + b'"}')


def test_required_inputs_that_came_later_have_their_defaults() -> None:
    prompt = {"1": {"class_type": "Sample", "inputs": {"steps": 3, "image": ["2", 0]}}, "2": {"class_type": "Gone"}}
    assert with_defaults(prompt, DEFINITIONS) == {
        "1": {
            "class_type": "Sample",
            "inputs": {"steps": 3, "image": ["2", 0], "seed": 0, "cfg": 8.0, "sampler_name": "euler"},
        },
        "2": {"class_type": "Gone", "inputs": {}},
    }


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"OggS", b"{", b'x{"nodes":']))
@pytest.mark.long
def test_any_bytes_are_a_workflow_or_refused(data: bytes, begins: bytes) -> None:
    with TemporaryDirectory() as folder, suppress(UnreadableWorkflow):
        assert found(Path(folder), begins + data)
