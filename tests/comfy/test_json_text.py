"""JSON that others wrote: halves of characters become question marks, whole ones stay."""

from __future__ import annotations

import json

import pytest

from comfy import Prompt
from comfy.json_text import read_json
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


def test_a_workflow_with_half_a_character_can_be_used() -> None:
    text = json.dumps({"1": NODE})
    assert Prompt.loads(text)["1"].inputs["filename_prefix"] == "? cat"
    assert "\ud800" not in str(parse_workflow(text))
