"""The settings of pictures made elsewhere, and of our own, start a form; hostile notes in a picture do no harm."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any
from warnings import catch_warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.core.errors import UserError
from bot.core.model import Place
from bot.core.readback.found import FoundSettings, from_graphs, from_parameters
from bot.core.readback.matching import matched
from bot.core.readback.reading import _read, read_settings
from bot.core.workflows.form import Field, FieldKind, Form
from tests.bot.harness import ANN, BEN, HERE, House, house, picture, renamed

PARAMETERS = """a lighthouse, (dusk:1.2),
second line
Negative prompt: blurry, text
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890123, Size: 832x1216, Model hash: 31e35c80fc,
Model: sd_xl_base_1.0, Lora hashes: "one: 1, two: 2", Version: v1.9"""
FOUND = FoundSettings(
    "a lighthouse, (dusk:1.2),\nsecond line",
    "blurry, text",
    {
        "steps": 28,
        "sampler": "dpmpp_2m",
        "cfg": 6.5,
        "seed": 1234567890123,
        "model": "sd_xl_base_1.0",
        "width": 832,
        "height": 1216,
        "scheduler": "karras",
    },
)
GRAPH: dict[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": ["9", 0],
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "positive": ["8", 0],
            "negative": ["7", 0],
        },
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
    "8": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0]}},
    "9": {"class_type": "PrimitiveInt", "inputs": {"value": 42}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "xl/base.safetensors"}},
}
IN_GRAPH = FoundSettings(
    "a fox",
    "blurry",
    {"seed": 42, "steps": 20, "cfg": 7.0, "sampler": "euler", "model": "xl/base.safetensors"},
)


def _written(folder: Path, kind: str) -> tuple[Path, FoundSettings]:
    path, image = folder / f"given.{kind.partition(' ')[0]}", Image.new("RGB", (8, 8), "teal")
    notes, exif = PngInfo(), Image.Exif()
    match kind:
        case "png":
            notes.add_text("parameters", PARAMETERS)
        case "png itxt":
            notes.add_itxt("parameters", PARAMETERS, zip=True)
        case "png comfy":
            notes.add_text("prompt", json.dumps(GRAPH))
        case "jpg" | "webp":
            exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + PARAMETERS.encode(
                "utf-16-be" if kind == "jpg" else "utf-16-le"
            )
        case _:
            exif[0x0110] = "prompt:" + json.dumps(GRAPH)
    more: dict[str, Any] = {"pnginfo": notes} if kind.startswith("png") else {"exif": exif}
    image.save(path, **more)
    return path, IN_GRAPH if "comfy" in kind else FOUND


@pytest.mark.parametrize("kind", ["png", "png itxt", "png comfy", "jpg", "webp", "jpg comfy", "webp comfy"])
async def test_what_other_programs_wrote_is_read(tmp_path: Path, kind: str) -> None:
    path, found = _written(tmp_path, kind)
    assert await read_settings(path) == found


@pytest.mark.parametrize("kind", ["png itxt", "png comfy", "jpg", "webp comfy"])
def test_a_damaged_picture_does_no_harm(tmp_path: Path, kind: str) -> None:
    path, found = _written(tmp_path, kind)
    data, chance = path.read_bytes(), Random(7)
    for _number in range(60):
        damaged = bytearray(data[: chance.choice((len(data), chance.randrange(len(data))))])
        for _place in range(chance.choice((1, 3, 20)) if damaged else 0):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        with catch_warnings(action="ignore"):  # Pillow warns of notes that it does not understand
            read = _read(path)
        assert read is None or isinstance(read, type(found))


_NOTES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
_NODE = st.fixed_dictionaries(
    {
        "class_type": st.just("KSampler"),
        "inputs": st.dictionaries(
            st.sampled_from(["positive", "seed", "text", "steps"]),
            st.tuples(st.sampled_from("12"), st.just(0)).map(list) | _NOTES,
        ),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300), st.dictionaries(st.sampled_from("123"), _NODE | _NOTES, max_size=3))
@pytest.mark.long
def test_hostile_notes_do_no_harm(text: str, graph: Any) -> None:
    for found in (from_parameters(f"{text}\nSteps: 1, {text}: {text}"), from_graphs([graph, text])):
        assert found is None or all(isinstance(line, str) for line in found.lines)
    assert from_parameters("Steps: 1, " + "Model: " * 50_000) is not None
    assert from_graphs([{str(number): {"class_type": "a"} for number in range(5000)}]) is None


def test_what_no_chat_and_no_database_takes_is_left_out() -> None:
    text = '{"1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "cfg": NaN, "steps": 1e999, "seed": 7}},'
    text += '"2": {"class_type": "x", "inputs": {"text": "\\ud800 a\\u0000 cat", "ckpt_name": "\\udfffb.ckpt"}}}'
    assert from_graphs([json.loads(text)]) == FoundSettings("a cat", "", {"seed": 7, "model": "b.ckpt"})


def test_a_form_takes_what_it_has_fields_for() -> None:
    form = Form(
        (
            Field("words", FieldKind.TEXT, required=True),
            Field("avoid", FieldKind.TEXT),
            Field("model", FieldKind.CHOICE, choices=("xl/sd_xl_base_1.0.safetensors", "other.ckpt")),
            Field("size", FieldKind.CHOICE, choices=("1024x1024", "832x1216")),
            Field("strength", FieldKind.NUMBER, title="CFG"),
        )
    )
    assert matched(form, FOUND) == {
        "size": "832x1216",
        "words": FOUND.prompt,
        "avoid": "blurry, text",
        "strength": 6.5,
        "model": "xl/sd_xl_base_1.0.safetensors",
    }


async def _result(home: House, folder: Path) -> Path:
    """A result of ours, as its file."""
    run_id, _message = await home.ask("polaroid", ANN, photo=picture(folder / "given"), caption="by the sea")
    (run,) = await home.ended(run_id)
    return await home.services.files.fetch(run.shown.files[0], folder / "ours.png")


@pytest.mark.long
async def test_a_result_of_ours_starts_its_form_for_those_who_see_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        ours, readback = await _result(home, tmp_path), home.services.readback
        read = await readback.read(BEN, HERE, ours)
        assert read.filled is not None
        assert (read.filled.workflow, read.filled.values["caption"]) == ("polaroid", "by the sea")
        with pytest.raises(UserError, match="no settings"):
            await readback.read(BEN, Place("test", "else", "Else", "other"), ours)
        made, _found = _written(tmp_path, "png")
        read = await readback.read(renamed(BEN, 7), HERE, made)
        assert (read.filled, read.found) == (None, FOUND)
        assert "polaroid" in [each.id for each in read.workflows]
        filled = await readback.fill(BEN, HERE, "polaroid", FoundSettings("by the lake"))
        assert (filled.values, filled.news) == ({"caption": "by the lake"}, "")
        filled = await readback.fill(BEN, HERE, "polaroid", FoundSettings("by the lake " * 9))
        assert "caption" not in filled.values
        assert "at most 60 characters" in filled.news
