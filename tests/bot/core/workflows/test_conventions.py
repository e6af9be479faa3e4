"""Fields that an author marked in the graph, by nodes and titles of other programs."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.workflows.auto_form import AutoField, auto_form, declared_fields, results
from bot.core.workflows.form import FieldKind
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from tests.bot.core.workflows.test_auto_form import graph, painting

_INFO = ObjectInfo(
    {
        "KSampler": {
            "input": {"required": {"steps": ["INT", {}], "sampler_name": [["euler", "ddim"], {}]}},
            "output": ["LATENT"],
        }
    }
)


def only(prompt: Prompt, info: ObjectInfo | None = None) -> AutoField:
    """The only field of a form: what is marked, and nothing else."""
    (field,) = auto_form(prompt, info)
    return field


def deployed(kind: str, **inputs: Any) -> AutoField:
    return only(graph(**painting(n9=(f"ComfyUIDeployExternal{kind}", {"input_id": "input_it", **inputs}))))


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("Text", "a cat", FieldKind.TEXT),
        ("TextSingleLine", "a cat", FieldKind.TEXT),
        ("Number", 0.5, FieldKind.NUMBER),
        ("NumberInt", 5, FieldKind.INTEGER),
        ("Boolean", True, FieldKind.TOGGLE),
    ],
)
def test_a_node_of_comfyui_deploy_is_the_only_field(kind: str, value: Any, wanted: FieldKind) -> None:
    field = deployed(kind, default_value=value, display_name="My words", description="Say it.")
    assert (field.kind, field.title, field.help) == (wanted, "My words", "Say it.")
    assert [str(each) for each in field.targets] == ["9.default_value"]


def test_choices_that_are_nested_too_deeply_or_have_half_a_character_are_read() -> None:
    assert deployed("Enum", default_value="b", options="[" * 100_000).choices == ("[" * 100_000,)
    assert deployed("Enum", default_value="b", options='["a", "\\ud83d"]').choices == ("a", "?")


def test_bounds_and_choices_that_deploy_nodes_carry() -> None:
    slider = deployed("NumberSlider", default_value=0.5, min_value=0.1, max_value=0.9)
    seed = deployed("Seed", default_value=-1, min_value=1, max_value=99)
    listed = deployed("Enum", default_value="b", options='["a", "b"]')
    lora = deployed("Lora", default_lora_name="x.safetensors")
    assert (slider.title, slider.minimum, slider.maximum) == ("It", 0.1, 0.9)
    assert (seed.seed, seed.minimum, seed.maximum) == (True, 1, 99)
    assert (listed.kind, listed.choices) == (FieldKind.CHOICE, ("a", "b"))
    assert [str(each) for each in lora.targets] == ["9.default_lora_name"]


def test_a_picture_for_deploy_is_given_to_the_loader_behind_it() -> None:
    nodes = painting(
        n8=("LoadImage", {"image": "a.png"}),
        n9=("ComfyUIDeployExternalImage", {"input_id": "input_photo", "default_value": ["8", 0]}),
    )
    field = only(graph(**nodes))
    assert (field.kind, field.title, [str(each) for each in field.targets]) == (
        FieldKind.IMAGE,
        "Photo",
        ["8.image"],
    )


def parameter(default: str, kind: str, leads_to: str = "steps", **more: Any) -> dict[str, Any]:
    nodes = painting(n9=("ETN_Parameter", {"name": "1. Look/How far", "type": kind, "default": default, **more}))
    nodes["n5"][1][leads_to] = ["9", 0]
    return nodes


@pytest.mark.parametrize(
    ("kind", "default", "wanted", "value"),
    [
        ("number", "0.5", FieldKind.NUMBER, 0.5),
        ("number (integer)", "20", FieldKind.INTEGER, 20),
        ("toggle", "false", FieldKind.TOGGLE, False),
        ("prompt (positive)", "a cat", FieldKind.TEXT, "a cat"),
        ("auto", "20", FieldKind.INTEGER, 20),
        ("auto", "true", FieldKind.TOGGLE, True),
    ],
)
def test_a_krita_parameter_has_its_own_type_and_default(
    kind: str, default: str, wanted: FieldKind, value: object
) -> None:
    prompt = graph(**parameter(default, kind))
    field = only(prompt)
    assert (field.title, field.kind, field.default) == ("How far", wanted, value)
    (asked,) = Workflow("w", "W", "", prompt, declared_fields(prompt)).form().fields
    assert (asked.kind, asked.default) == (wanted, None if wanted is FieldKind.TEXT else value)


def test_the_bounds_of_a_krita_parameter() -> None:
    field = only(graph(**parameter("20", "number (integer)", min=1.0, max=50.0)))
    assert (field.minimum, field.maximum) == (1, 50)
    field = only(graph(**parameter("20", "number (integer)", min=0.0, max=0.0)))
    assert (field.minimum, field.maximum) == (None, None)


def test_a_krita_choice_has_the_choices_of_what_it_leads_to() -> None:
    field = only(graph(**parameter("ddim", "choice", "sampler_name")), _INFO)
    assert (field.kind, field.choices, field.default) == (FieldKind.CHOICE, ("euler", "ddim"), "ddim")


@pytest.mark.parametrize(("values", "steps"), [({"how_far": 7}, 7), ({}, 20)])
def test_the_value_of_a_krita_parameter_is_sent_in_its_place(values: dict[str, Any], steps: int) -> None:
    prompt = graph(**parameter("20", "number (integer)"))
    sent = Workflow("w", "W", "", prompt, declared_fields(prompt)).fill(values)
    assert sent["5"].inputs["steps"] == steps
    assert "9" not in sent


def swarm(kind: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
    return f"SwarmInput{kind}", {"title": "My value", "order_priority": 0, "is_advanced": False, "raw_id": "", **inputs}


def test_swarm_inputs_carry_title_bounds_order_and_group() -> None:
    nodes = painting(
        n9=swarm("Integer", value=3, min=1, max=8, step=1, view_type="slider", order_priority=2, title="Count"),
        n10=swarm("Text", value="a cat", view_type="prompt", order_priority=1, description="Say it.", title="Words"),
        n11=swarm("Integer", value=4, min=0, max=2**64 - 1, view_type="seed", is_advanced=True, title="Luck"),
        n12=swarm("Dropdown", value="two", values="one, two", group=["13", 0], title="Kind"),
        n13=("SwarmInputGroup", {"title": "Rare", "is_advanced": True, "order_priority": -1}),
    )
    form = {each.title: each for each in auto_form(graph(**nodes))}
    assert list(form) == ["Words", "Count", "Kind", "Luck"]
    assert (form["Count"].minimum, form["Count"].maximum) == (1, 8)
    assert (form["Words"].help, form["Words"].multiline) == ("Say it.", True)
    assert (form["Luck"].seed, form["Luck"].more, form["Luck"].maximum) == (True, True, None)
    assert (form["Kind"].choices, form["Kind"].more) == (("one", "two"), True)


@pytest.mark.parametrize(
    ("short", "kind", "loader", "name"),
    [
        ("Image", FieldKind.IMAGE, "LoadImage", "image"),
        ("Video", FieldKind.VIDEO, "LoadVideo", "file"),
        ("Audio", FieldKind.AUDIO, "LoadAudio", "audio"),
    ],
)
def test_a_swarm_file_is_loaded_by_its_name(short: str, kind: FieldKind, loader: str, name: str) -> None:
    prompt = graph(**painting(n9=swarm(short, value="(Do Not Set Me)")))
    workflow = Workflow("w", "W", "", prompt, declared_fields(prompt))
    assert only(prompt).kind is kind
    sent = workflow.fill({"my_value": "given.bin"})["9"]
    assert (sent.class_type, sent.inputs) == (loader, {name: "given.bin"})


def test_comfy_pack_inputs_are_named_by_their_titles() -> None:
    nodes = painting(
        n9=("CPackInputInt", {"value": 4, "min": 1, "max": 50}, "number_of_steps"),
        n10=("CPackInputString", {"value": "a cat"}, "String Input"),
        n11=("CPackInputImage", {"image": "a.png"}, "Image Input"),
        n12=("CPackInputInt", {"value": 4, "min": -(2**63), "max": 2**63}, "seed"),
    )
    nodes["n2"][1]["text"] = ["10", 0]
    number, words, picture, seed = auto_form(graph(**nodes))
    assert (number.title, number.minimum, number.maximum) == ("Number of steps", 1, 50)
    assert (words.title, words.kind) == ("Prompt", FieldKind.TEXT)
    assert (picture.title, picture.kind) == ("Picture", FieldKind.IMAGE)
    assert (seed.seed, seed.minimum) == (True, None)


def test_titles_with_a_category_and_a_row() -> None:
    nodes = painting(
        n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "<What to see:prompt:2>"),
        n5=("KSampler", painting()["n5"][1], "<CFG:advanced:2/2> 1, 10, 0.5"),
        n7=("SaveImage", {"images": ["6", 0], "filename_prefix": "x"}, "<Result:output:1>"),
        n8=("LoadImage", {"image": "a.png"}, "<Photo:prompts/First tab:1> show_default"),
        n9=("PrimitiveInt", {"value": 7}, "<The Seed:important:1>"),
    )
    prompt = graph(**nodes)
    photo, words, seed, cfg = auto_form(prompt)
    assert (photo.title, photo.kind) == ("Photo", FieldKind.IMAGE)
    assert (words.title, [str(each) for each in words.targets]) == ("What to see", ["2.text"])
    assert (seed.title, seed.seed, seed.more) == ("The Seed", True, False)
    assert (cfg.title, cfg.more, cfg.minimum, cfg.maximum, cfg.step) == ("CFG", True, 1, 10, 0.5)
    assert [str(each) for each in cfg.targets] == ["5.cfg"]
    assert results(prompt) == ("7",)


def test_titles_of_viewcomfy() -> None:
    nodes = painting(
        n2=("CLIPTextEncode", {"text": "a cat", "clip": ["1", 1]}, "VC_BASIC - Words"),
        n4=("EmptyLatentImage", {"width": 512, "height": 768, "batch_size": 1}, "VC_ADV Size"),
    )
    form = auto_form(graph(**nodes))
    assert [(each.title, each.more) for each in form] == [
        *(("Words", False), ("Size: Width", True), ("Size: Height", True), ("Size: How many", True))
    ]


def test_the_first_marked_text_is_required() -> None:
    prompt = graph(**painting(n9=swarm("Text", value="a cat", view_type="prompt")))
    (field,) = declared_fields(prompt)
    assert (field.required, field.default, field.help) == (True, None, "For example: a cat")
