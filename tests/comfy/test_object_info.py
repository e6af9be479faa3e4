"""The inputs of a real server's nodes, in every form of declaration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy import ObjectInfo, Prompt
from tests.comfy.messages.test_events import json_values

INFO = ObjectInfo(json.loads((Path(__file__).parent.parent / "data" / "object_info.json").read_text()))


@pytest.mark.parametrize("class_type", sorted(INFO.class_types))
def test_every_node_is_read(class_type: str) -> None:
    node = INFO.node(class_type)
    assert node is not None
    assert node.class_type == class_type


def test_both_forms_of_combo() -> None:
    old, new = INFO.input("ImageScale", "upscale_method"), INFO.input("ImageBlend", "blend_mode")
    assert old is not None
    assert new is not None
    assert old.choices is not None
    assert "lanczos" in old.choices
    assert new.choices is not None
    assert "screen" in new.choices


def test_a_dynamic_combo_brings_its_inputs_along() -> None:
    stats = INFO.input("ColorTransfer", "source_stats")
    index = INFO.input("ColorTransfer", "source_stats.target_index")
    assert stats is not None
    assert index is not None
    assert stats.choices == ("per_frame", "uniform", "target_frame")
    assert (index.type, index.min, index.max, index.required) == ("INT", 0, 10000, False)


@pytest.mark.parametrize(
    ("options", "upload"),
    [
        ({"video_upload": True}, "video"),
        ({"animated_image_upload": True}, "image"),
        ({"font_upload": True}, "file"),
        ({"font_upload": False}, None),
        ({"upload_subfolder": "3d"}, None),
    ],
)
def test_every_flag_of_an_upload_means_a_file(options: dict[str, Any], upload: str | None) -> None:
    made = ObjectInfo({"Load": {"input": {"required": {"file": [["a"], options]}}}}).input("Load", "file")
    assert made is not None
    assert made.upload == upload


def test_an_upload_is_told_from_a_choice() -> None:
    image = INFO.input("LoadImage", "image")
    assert image is not None
    assert image.upload == "image"


def test_bounds() -> None:
    width = INFO.input("ImageScale", "width")
    assert width is not None
    assert (width.type, width.min, width.max, width.default) == ("INT", 0, 16384, 512)


def test_what_a_server_lacks() -> None:
    prompt = Prompt(
        {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
            "2": {"class_type": "LoadImage", "inputs": {"image": "not uploaded yet.png"}},
            "3": {"class_type": "MyPackNode", "inputs": {"x": ["2", 0]}},
        }
    )
    missing = INFO.missing(prompt)
    assert missing.nodes == ("MyPackNode",)
    assert [(choice.class_type, choice.value) for choice in missing.choices] == [
        ("CheckpointLoaderSimple", "sdxl.safetensors")
    ]
    assert not INFO.missing(Prompt({"2": {"class_type": "LoadImage", "inputs": {"image": "x"}}}))


def test_a_name_in_several_options_of_a_dynamic_combo_takes_what_any_of_them_takes() -> None:
    depth = INFO.input("SaveImageAdvanced", "format.bit_depth")
    assert depth is not None
    assert depth.choices == ("8-bit", "16-bit", "32-bit float")
    graph = {"1": {"class_type": "SaveImageAdvanced", "inputs": {"format": "png", "format.bit_depth": "8-bit"}}}
    assert not INFO.missing(Prompt(graph))
    width = {"required": {"width": ["INT", {"min": 8, "max": 64}]}}
    tall = {"required": {"width": ["INT", {"min": 16, "max": 4096}]}}
    options = [{"key": "small", "inputs": width}, {"key": "large", "inputs": tall}]
    data = {"input": {"required": {"size": ["COMFY_DYNAMICCOMBO_V3", {"options": options}]}}}
    both = ObjectInfo({"Resize": data}).input("Resize", "size.width")
    assert both is not None
    assert (both.min, both.max) == (8, 4096)


KINDS = st.sampled_from(["INT", "COMBO", "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "FLOAT,INT", "*"]) | json_values


@given(kind=KINDS, options=json_values, anything=json_values)
def test_no_declaration_is_an_exception(kind: object, options: object, anything: object) -> None:
    """A server has hundreds of nodes from dozens of packs: an odd one must not take away the others."""
    dynamic = {"options": [{"key": kind, "inputs": {"required": {"x": [kind, options]}}} for _ in range(2)]}
    for declared in (
        {"required": {"x": [kind, options], "y": kind, "z": ["COMFY_DYNAMICCOMBO_V3", dynamic]}, "optional": anything},
        {"required": {"x": ["COMFY_DYNAMICCOMBO_V3", {"options": anything}]}},
        {"required": {"x": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": kind, "inputs": anything}]}]}},
        anything,
    ):
        info = ObjectInfo({"N": {"input": declared, "output": options}})
        node = info.node("N")
        assert node is not None
        info.missing(Prompt({"1": {"class_type": "N", "inputs": dict.fromkeys(node.inputs, 5)}}))
        ObjectInfo.union([info, info]).node("N")


def test_another_reading_is_the_same_unless_nodes_models_or_bounds_differ() -> None:
    def reading(model: str = "a.ckpt", file: str = "cat.png", most: int = 9) -> ObjectInfo:
        load = {"input": {"required": {"image": [[file], {"image_upload": True}]}}, "output": ["IMAGE"]}
        model_node = {"input": {"required": {"name": [[model], {}], "n": ["INT", {"max": most}]}}, "output": ["MODEL"]}
        return ObjectInfo({"LoadImage": load, "Model": model_node})

    assert reading().is_same(reading())
    assert reading().is_same(reading(file="dog.png"))
    assert not reading().is_same(reading(model="b.ckpt"))
    assert not reading().is_same(reading(most=10))
    assert not reading().is_same(ObjectInfo({}))
