"""The inputs of a real server's nodes, in every form of declaration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy import ObjectInfo, Prompt
from comfy.verdict import judge
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


def test_a_name_in_several_options_of_a_dynamic_combo_takes_what_any_of_them_takes() -> None:
    depth = INFO.input("SaveImageAdvanced", "format.bit_depth")
    assert depth is not None
    assert depth.choices == ("8-bit", "16-bit", "32-bit float")
    width = {"required": {"width": ["INT", {"min": 8, "max": 64}]}}
    tall = {"required": {"width": ["INT", {"min": 16, "max": 4096}]}}
    options = [{"key": "small", "inputs": width}, {"key": "large", "inputs": tall}]
    data = {"input": {"required": {"size": ["COMFY_DYNAMICCOMBO_V3", {"options": options}]}}}
    both = ObjectInfo({"Resize": data}).input("Resize", "size.width")
    assert both is not None
    assert (both.min, both.max) == (8, 4096)


KINDS = st.sampled_from(["INT", "COMBO", "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3", "FLOAT,INT", "*"]) | json_values


@given(kind=KINDS, options=json_values, anything=json_values)
@pytest.mark.long
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
        for outputs in (True, options):
            info = ObjectInfo({"N": {"input": declared, "output": options, "output_node": outputs}})
            judge(Prompt({"1": {"class_type": "N", "inputs": dict.fromkeys(node.inputs, 5)}}), info)
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


def test_several_servers_together_take_what_one_of_them_takes() -> None:
    def server(least: int | None, most: int, models: list[str], **more: Any) -> ObjectInfo:
        number: dict[str, Any] = {"max": most, "step": 8} | ({} if least is None else {"min": least})
        required = {"size": ["INT", number], "model": [models, {}], **more}
        return ObjectInfo({"Paint": {"input": {"required": required}, "output": []}})

    one, two = server(64, 1024, ["a"]), server(16, 512, ["b", "a"], extra=["STRING", {"multiline": True}])
    size, model, extra = (ObjectInfo.union([one, two]).input("Paint", name) for name in ("size", "model", "extra"))
    assert size is not None
    assert model is not None
    assert extra is not None
    assert (size.min, size.max, size.step, size.required) == (16, 1024, 8, True)
    assert model.choices == ("a", "b")
    assert extra.multiline
    open_end = ObjectInfo.union([one, server(None, 512, [])]).input("Paint", "size")
    assert open_end is not None
    assert (open_end.min, open_end.max) == (None, 1024)


def test_the_kind_of_file_that_an_input_takes() -> None:
    flags = {"a": "image_upload", "b": "video_upload", "c": "audio_upload", "d": "mesh_upload", "e": "file_upload"}
    required = {name: ["COMBO", {"options": [], flag: True}] for name, flag in flags.items()}
    required["model_file"] = ["COMBO", {"options": [], "file_upload": True}]
    node = ObjectInfo({"Load": {"input": {"required": required}, "output": []}}).node("Load")
    assert node is not None
    assert [each.upload for each in node.inputs.values()] == ["image", "video", "audio", "3d", "file", "3d"]


def test_a_digest_is_another_where_a_prompt_would_be_made_in_another_way() -> None:
    def digest(classes: str = "LC", **changes: object) -> str:
        load = {"input": {"required": {"image": [changes.get("files", ["a.png", "b.png"]), {"image_upload": True}]}}}
        combo = {"required": {"c": ["COMBO", {"options": changes.get("choices", [1, 2]), "default": 1}]}}
        other = {"input": combo | {"optional": changes.get("more", {})}, "output": changes.get("output", ["A", "B"])}
        return ObjectInfo({"L": load, "C": other, "X": changes.get("unused")}).digest(frozenset(classes))

    assert digest() == digest("CL") == digest(files=["b.png"], choices=[2], unused={"input": {}})
    others = [
        digest(more={"n": ["INT", {}]}),
        digest(more={"n": ["INT", {"tooltip": "much"}], "m": ["INT", {}]}),
        digest(more={"m": ["INT", {}], "n": ["INT", {}]}),
        digest(output=["A"]),
        digest("L"),
        digest("LCZ"),
    ]
    assert len({digest(), *others}) == len(others) + 1
    assert digest(more={"n": ["INT", {"tooltip": "much"}]}) == digest(more={"n": ["INT", {}]})


def test_what_servers_declare_alike_is_read_once() -> None:
    def server(model: str, start: float) -> ObjectInfo:
        load = {"input": {"required": {"model": [[model], {}]}}}
        draw = {"input": {"required": {"size": ["INT", {"default": 8}], "shift": ["FLOAT", {"default": start}]}}}
        return ObjectInfo({"Load": load, "Draw": draw})

    one, two, odd = server("a", 1.0), server("b", 1.0), server("a", 1)
    union = ObjectInfo.union([one, two, odd])
    assert union.node("Load") is not one.node("Load")
    assert one.node("Load") is odd.node("Load")
    assert one.node("Load") is not two.node("Load")
    assert one.node("Draw") is two.node("Draw")
    assert one.data["Draw"] is two.data["Draw"]
    assert repr([each.data["Draw"]["input"]["required"]["shift"][1]["default"] for each in (one, odd)]) == "[1.0, 1]"
    assert ObjectInfo.union([one, two]).node("Draw") is one.node("Draw")


def test_servers_that_are_joined_keep_their_own_digests() -> None:
    def server(model: str, start: float, *more: str) -> ObjectInfo:
        load = {"input": {"required": {"model": [[model], {}]}}}
        draw = {"input": {"required": {"shift": ["FLOAT", {"default": start}]}}}
        return ObjectInfo({"Load": load, "Draw": draw} | dict.fromkeys(more, draw))

    asked = [frozenset(each) for each in (["Load"], ["Draw"], ["Load", "Draw", "Upscale"])]
    given = [("a", 1.0), ("b", 1.0), ("a", 2.0), ("a", 1.0, "Upscale")]
    alone = [[server(*each).digest(classes) for classes in asked] for each in given]
    servers = [server(*each) for each in given]
    union = ObjectInfo.union(servers)
    assert [[each.digest(classes) for classes in asked] for each in servers] == alone
    assert [union.digest(classes) for classes in asked] == alone[3]
    assert alone[0] == alone[1] != alone[2]
