"""JSON that others wrote: halves of characters become question marks, whole ones stay."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from comfy import Prompt
from comfy.json_text import read_json, read_large_json
from comfy.saved.files import parse_workflow

NODE = {"class_type": "SaveImage", "inputs": {"filename_prefix": "\ud800 cat"}}


@pytest.mark.parametrize("given", ["\ud800", "a\udfff", "😀\ud83d", "\ude00\ud83d"])
def test_what_is_read_can_be_written(given: str) -> None:
    texts = (
        json.dumps([given, {given: 1}]),
        json.dumps([given]).encode(),
        b'["' + given.encode("utf-8", "surrogatepass") + b'"]',
    )
    for text in texts:
        read = read_json(text)[0]
        assert read == "".join("?" if "\ud800" <= letter <= "\udfff" else letter for letter in given)


@pytest.mark.parametrize("text", ['[1.5, null, "\\ud83d\\ude00"]', '"한국어"', '"\\\\ud83d"'])
def test_other_texts_stay(text: str) -> None:
    assert read_json(text) == read_json(text.encode()) == json.loads(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
)


@given(
    value=VALUES | st.dictionaries(st.text(st.characters()), VALUES),
    indent=st.sampled_from([None, 1]),
    is_ascii=st.booleans(),
    cut=st.none() | st.integers(0, 60),
    put=st.sampled_from(["", ",", "}", "{", ":", '"', "1", " ", "\ufeff"]),
    depth=st.integers(0, 4),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
)
@example({}, None, True, None, "", 1, "utf-8")
@example({"a": 1}, None, True, 7, ",", 1, "utf-8")
@example([1], None, True, 2, ",", 1, "utf-8")
def test_a_large_text_is_read_like_any_other(
    value: Any, indent: int | None, is_ascii: bool, cut: int | None, put: str, depth: int, encoding: str
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    if cut is not None:  # something is in there that does not belong, or is missing
        text = text[:cut] + put + text[cut + (not put) :]
    raw = text.encode(encoding, "surrogatepass")

    def read(how: Callable[[bytes], Any]) -> Any:
        try:
            return how(raw)
        except ValueError:
            return ValueError

    assert read(lambda text: asyncio.run(read_large_json(text, depth))) == read(read_json)


async def test_others_have_their_turn_while_a_large_text_is_read() -> None:
    text = json.dumps({str(number): list(range(1000)) for number in range(100)}).encode()
    reading = asyncio.create_task(read_large_json(text, at_once=0.0))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert reading.result() == json.loads(text)
    assert turns > 50


def test_a_workflow_with_half_a_character_can_be_used() -> None:
    text = json.dumps({"1": NODE})
    assert Prompt.loads(text)["1"].inputs["filename_prefix"] == "? cat"
    assert "\ud800" not in str(parse_workflow(text))
