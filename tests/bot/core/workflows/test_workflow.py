"""A server's nodes complete the form, and decide if a workflow can run there."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.workflows.catalog import bundled_folder
from bot.core.workflows.field_kinds import loader_kind
from bot.core.workflows.form import FieldKind
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.verdict_text import why_not
from bot.core.workflows.workflow import Declared, Target, Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt
from comfy.verdict import MissingChoice, MissingNode

NODES = json.loads((Path(__file__).parents[3] / "data" / "object_info.json").read_text())
GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "mine.safetensors"}},
    "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["1", 1]}},
    "4": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0],
            "positive": ["3", 0],
            "negative": ["3", 0],
            "latent_image": ["2", 0],
            "seed": 1,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "6": {"class_type": "SaveImage", "inputs": {"images": ["5", 0], "filename_prefix": "x"}},
}


def server(*checkpoints: str) -> ObjectInfo:
    nodes = copy.deepcopy(NODES)
    nodes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] = list(checkpoints)
    return ObjectInfo(nodes)


def workflow(**fields: Any) -> Workflow:
    faults = Faults()
    made = read_sidecar("imagine", Prompt(GRAPH), {"fields": fields}, faults)
    assert faults.found == []
    return made


MODEL = {"target": "CheckpointLoaderSimple.ckpt_name", "kind": "choice"}


def test_what_the_sidecar_leaves_out_comes_from_the_server() -> None:
    made = workflow(
        width={"target": "EmptyLatentImage.width", "maximum": 1024},
        sampler={"target": "KSampler.sampler_name"},
        text={"target": "CLIPTextEncode.text"},
        seed={"target": "KSampler.seed"},
    )
    alone, known = made.form(), made.form(server())
    assert (alone["sampler"].kind, known["sampler"].kind) == (FieldKind.TEXT, FieldKind.CHOICE)
    assert "dpmpp_2m" in (known["sampler"].choices or ())
    assert known["sampler"].default == "euler"
    width = known["width"]
    assert (width.minimum, width.maximum, width.step, width.default) == (16, 1024, 8, 512)
    assert (alone["text"].multiline, known["text"].multiline) == (False, True)
    assert known["seed"].seeds == (0, 2**64 - 1)


def handed_on(node: str, feeds: str, value: int, name: str = "value", **fields: Any) -> Workflow:
    """The graph with an input that gets its number from another node, which has a field."""
    node_id, asked = feeds.split(".")
    inputs = {**GRAPH[node_id]["inputs"], asked: ["7", 0]}  # type: ignore[dict-item]
    graph = {**GRAPH, "7": {"class_type": node, "inputs": {name: value}}, node_id: {**GRAPH[node_id], "inputs": inputs}}
    return read_sidecar("x", Prompt(graph), {"fields": {"it": {"target": f"{node}.{name}", **fields}}}, Faults())


def numbers(low: int, high: int) -> ObjectInfo:
    """Definitions where a seed has these bounds, and with nodes that hand a number on."""
    nodes = copy.deepcopy(NODES)
    nodes["KSampler"]["input"]["required"]["seed"][1].update(min=low, max=high)
    wide = {"min": 1 - 2**63, "max": 2**63 - 1}
    nodes["PrimitiveInt"] = {"input": {"required": {"value": ["INT", wide]}}, "output": ["INT"]}
    nodes["SeedNode"] = {"input": {"required": {"seed": ["INT", {**wide, "min": 0}]}}, "output": ["INT", "STRING"]}
    two = {"seed": ["INT", wide], "max": ["INT", {"default": 9}]}
    nodes["RandomInt"] = {"input": {"required": {"seed": ["INT", wide]}, "optional": two}, "output": ["INT"]}
    return ObjectInfo(nodes)


@pytest.mark.parametrize(("node", "name"), [("PrimitiveInt", "value"), ("SeedNode", "seed")])
def test_a_seed_is_drawn_within_the_bounds_of_the_node_that_gets_it(node: str, name: str) -> None:
    made = handed_on(node, "4.seed", 2**60, name, seed=True)
    assert made.form(numbers(0, 2**32 - 1))["it"].seeds == (0, 2**32 - 1)
    assert made.form(numbers(-5, 2**32 - 1))["it"].drawn_seeds == (0, 2**32 - 1)
    drawn = replace(made, declared=(), drawn=made.declared)
    assert all(0 <= drawn.draw(numbers(0, 9))["it"] <= 9 for _ in range(20))


def test_a_number_has_the_bounds_of_the_node_that_gets_it() -> None:
    wide, made = numbers(0, 9), handed_on("PrimitiveInt", "2.width", 512)
    assert (made.form(wide)["it"].minimum, made.form(wide)["it"].maximum) == (16, 16384)
    assert made.form()["it"].maximum is None


def test_a_number_that_its_author_chose_beyond_the_bounds_of_the_node_that_gets_it() -> None:
    field = handed_on("PrimitiveInt", "2.width", 20_000).form(numbers(0, 9))["it"]
    assert (field.default, field.maximum) == (20_000, 2**63 - 1)


def test_a_node_that_calculates_hands_nothing_on() -> None:
    nodes = copy.deepcopy(NODES)
    nodes["Blocks"] = {"input": {"required": {"value": ["INT", {"min": 1, "max": 256}]}}, "output": ["INT"]}
    field = handed_on("Blocks", "2.width", 20).form(ObjectInfo(nodes))["it"]
    assert (field.minimum, field.maximum) == (1, 256)


def test_a_node_that_makes_another_number_hands_none_on() -> None:
    field = handed_on("RandomInt", "2.width", 5, "seed").form(numbers(0, 9))["it"]
    assert field.seeds == (1 - 2**63, 2**63 - 1)


def test_the_first_model_stands_in_for_one_that_is_not_there() -> None:
    made = workflow(model=MODEL)
    assert made.form(server("mine.safetensors", "a.safetensors"))["model"].default == "mine.safetensors"
    assert made.form(server("a.safetensors", "b.safetensors"))["model"].default == "a.safetensors"
    assert made.form(server())["model"].choices == ()


def test_what_a_server_lacks() -> None:
    free, fixed = workflow(model=MODEL), workflow()
    assert free.verdict(server("other.safetensors")).runs
    (lacking,) = free.verdict(server()).faults
    assert isinstance(lacking, MissingChoice)
    assert (lacking.input_name, lacking.value) == ("ckpt_name", "mine.safetensors")
    (other,) = fixed.verdict(server("other.safetensors")).faults
    assert other == replace(lacking, choices=("other.safetensors",))
    assert [each.class_type for each in fixed.verdict(ObjectInfo({})).faults if isinstance(each, MissingNode)] == [
        node["class_type"] for node in GRAPH.values()
    ]
    assert free.verdict(server("a.safetensors"), {"model": "a.safetensors"}).runs
    assert not free.verdict(server("a.safetensors"), {"model": "b.safetensors"}).runs


def test_a_workflow_runs_if_an_output_that_it_names_does() -> None:
    preview = {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}
    made = Workflow("imagine", "", "", Prompt({**GRAPH, "7": preview}))
    assert made.verdict(server()).runs
    assert not replace(made, outputs=("6",)).verdict(server()).runs


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"scheduler": "BALANCED"}, "The server lacks BALANCED for “scheduler” of “KSampler”, which takes simple, "),
        ({"steps": 0}, "“steps” of “KSampler” must be at least 1."),
        ({"latent_image": ["1", 0]}, "“latent_image” of “KSampler” must be linked to LATENT, and not to MODEL."),
    ],
)
def test_a_refusal_names_the_node_the_input_and_what_it_takes(inputs: dict[str, Any], words: str) -> None:
    graph = copy.deepcopy(GRAPH)
    graph["4"]["inputs"] |= inputs  # type: ignore[operator]
    made, info = Workflow("imagine", "", "", Prompt(graph)), server("mine.safetensors")
    assert (why_not(made, {"one": info}) or "").startswith(words)
    assert why_not(made, {"one": info, "two": server("mine.safetensors")}) is not None
    del graph["4"]["inputs"]["model"]  # type: ignore[attr-defined]
    made = Workflow("imagine", "", "", Prompt(graph))
    assert "“KSampler” needs “model”, which the workflow does not give it." in (why_not(made, {"one": info}) or "")


def test_a_workflow_without_a_result_or_without_its_picture_is_told() -> None:
    info = server("mine.safetensors")
    made = Workflow("imagine", "", "", Prompt({"1": GRAPH["1"]}))
    assert why_not(made, {"one": info}) == "The workflow has no node that makes a result, such as Save Image."
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "gone.png"}}, "2": copy.deepcopy(GRAPH["6"])}
    graph["2"]["inputs"]["images"] = ["1", 0]  # type: ignore[index]
    told = why_not(Workflow("imagine", "", "", Prompt(graph)), {"one": info})
    assert told is not None
    assert told.startswith("The file gone.png for “image” of “LoadImage” is not on the server.")


@pytest.mark.parametrize(
    ("class_type", "options", "frames"),
    [
        ("LoadImage", {"image_upload": True}, True),
        ("LoadPose", {"image_upload": True}, False),
        ("LoadPose", {"animated_image_upload": True}, True),
    ],
)
def test_a_field_has_the_frames_that_its_loader_uses(class_type: str, options: dict[str, Any], frames: bool) -> None:
    prompt = Prompt({"1": {"class_type": class_type, "inputs": {"image": "a.png"}}})
    workflow = Workflow("x", "X", "", prompt, (Declared("photo", (Target("1", "image"),)),))
    spec = {"input": {"required": {"image": [["a.png"], options]}}}
    (field,) = workflow.form(ObjectInfo({class_type: spec})).fields
    assert (field.kind, field.frames) == (FieldKind.IMAGE, frames)


@pytest.mark.parametrize(
    ("class_type", "value", "kind"),
    [
        ("LoadImage", "", FieldKind.IMAGE),
        ("VHS_LoadVideoPath", "a.webm", FieldKind.VIDEO),
        ("LoadImageOutput", "a.png [output]", FieldKind.IMAGE),
        ("ETN_LoadPicture", "sub/a.JPG", FieldKind.IMAGE),
        ("LoadMesh", "3d/a.glb", FieldKind.MODEL_3D),
        ("LoraLoader", "a.safetensors", None),
        ("LoadImageX", "a picture", None),
        ("SaveImage", "a.png", None),
    ],
)
def test_a_loader_is_known_without_a_server(class_type: str, value: str, kind: FieldKind | None) -> None:
    (node,) = Prompt({"1": {"class_type": class_type, "inputs": {"image": value}}})
    assert loader_kind(node, "image") == kind


def test_a_choice_of_numbers_is_a_number_again_in_the_prompt() -> None:
    made = workflow(size={"target": ["#2.width", "#2.height"], "kind": "choice", "choices": [512, 768]})
    assert made.form().check({})["size"] == "512"
    prompt = made.fill({"size": "768"})
    assert (prompt["2"].inputs["width"], prompt["2"].inputs["height"]) == (768, 768)


BUNDLED = {
    "negative": ["photo"],
    "poster": ["photo", "colors", "contrast"],
    "dream": ["photo", "glow", "strength"],
    "sketch": ["photo", "line"],
    "match-colors": ["photo", "style", "strength"],
    "polaroid": ["photo", "caption"],
    "imagine": ["text", "avoid", "model", "width", "height", "steps", "cfg", "seed"],
    "restyle": ["photo", "text", "strength", "model", "seed"],
    "upscale": ["photo", "model"],
}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_workflow_has_its_fields_and_real_nodes(name: str) -> None:
    from bot.core.workflows.catalog import Catalog

    catalog = Catalog.read(bundled_folder())
    assert catalog.faults == ()
    assert sorted(catalog.workflows) == sorted(BUNDLED)
    bundled = catalog.get(name)
    info = ObjectInfo(NODES)
    form = bundled.form(info)
    assert list(form.names) == BUNDLED[name]
    assert all(field.help for field in form.fields)
    assert not any(isinstance(each, MissingNode) for each in bundled.verdict(info).faults)
    for node in bundled.prompt:
        accepted = info.node(node.class_type)
        assert accepted is not None
        assert node.inputs.keys() <= accepted.inputs.keys(), node.title
