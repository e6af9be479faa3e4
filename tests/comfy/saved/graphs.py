"""Graphs for tests, as the editor saves them, and the definitions of their nodes."""

from __future__ import annotations

from typing import Any

from comfy.saved import convert

_NUMBER = {"default": 0, "min": 0, "max": 2**64 - 1}
_SIZE = {"default": 512, "min": 16, "max": 16384, "step": 8}


def _node(required: dict[str, Any], outputs: list[str], optional: dict[str, Any] | None = None, **more: Any) -> Any:
    return {"input": {"required": required, "optional": optional or {}}, "output": outputs, **more}


_GROW = {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 1, "max": 50}
_MODELS = [
    {"key": "small", "inputs": {"required": {"quality": ["INT", {"default": 1}]}}},
    {
        "key": "large",
        "inputs": {
            "required": {"seed": ["INT", {"default": 5, "control_after_generate": True}], "pictures": ["IMAGE", {}]},
            "optional": {"style": ["COMBO", {"options": ["plain", "bold"]}]},
        },
    },
    {"key": "many", "inputs": {"required": {"pictures": ["COMFY_AUTOGROW_V3", {"template": _GROW}]}}},
]

DEFINITIONS: dict[str, Any] = {
    "Load": _node({"image": [["a.png", "b.png"], {"image_upload": True}]}, ["IMAGE", "MASK"], display_name="Load"),
    "Blank": _node({"width": ["INT", _SIZE], "height": ["INT", _SIZE]}, ["IMAGE"]),
    "Sample": _node(
        {
            "image": ["IMAGE", {}],
            "seed": ["INT", _NUMBER],
            "steps": ["INT", {"default": 20, "min": 1}],
            "cfg": ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0, "step": 0.1, "round": 0.01}],
            "sampler_name": [["euler", "ddim"]],
        },
        ["IMAGE"],
        display_name="Sampler",
    ),
    "Text": _node({"text": ["STRING", {"multiline": True, "dynamicPrompts": True}]}, ["TEXT"]),
    "PlainText": _node({"value": ["STRING", {}]}, ["STRING"]),
    "Join": _node({"first": ["STRING", {"forceInput": True}], "second": ["STRING", {"default": "x"}]}, ["STRING"]),
    "Blend": _node({"one": ["IMAGE", {}], "two": ["IMAGE", {}], "factor": ["FLOAT", {"default": 0.5}]}, ["IMAGE"]),
    "MaskOf": _node({"image": ["IMAGE", {}]}, ["MASK"]),
    "Batch": _node({"images": ["COMFY_AUTOGROW_V3", {"template": _GROW}]}, ["IMAGE"]),
    "Model": _node({"model": ["COMFY_DYNAMICCOMBO_V3", {"options": _MODELS}], "note": ["STRING", {}]}, ["IMAGE"]),
    "Either": _node({"number": ["FLOAT,INT", {"default": 2.0, "widgetType": "FLOAT"}], "any": ["INT,STRING", {}]}, []),
    "Switch": _node(
        {
            "on": ["BOOLEAN", {"default": False}],
            "no": ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t", "allowed_types": "*"}}],
            "yes": ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "t", "allowed_types": "*"}}],
        },
        ["*"],
        output_matchtypes=["t"],
    ),
    "CustomCombo": _node({"choice": ["COMBO", {"options": []}]}, ["STRING", "INT"]),
    "Compare": _node({"view": ["IMAGECOMPARE", {"socketless": True}]}, [], {"one": ["IMAGE", {}]}),
    "Curve": _node({"curve": ["CURVE", {"socketless": True}], "list": ["COLORS", {}]}, []),
    "Box": _node({"box": ["BOUNDING_BOX", {}], "after": ["INT", {"default": 1}]}, []),
    "Remote": _node({"file": ["COMBO", {"remote": {"route": "/x"}}], "none": ["COMBO", {"options": []}]}, []),
    "SaveImage": _node({"images": ["IMAGE", {}], "filename_prefix": ["STRING", {"default": "ComfyUI"}]}, []),
    "SaveGLB": _node({"mesh": ["MESH", {}], "filename_prefix": ["STRING", {"default": "3d"}]}, []),
}


def node(number: int | str, kind: str, values: Any = (), *, inputs: Any = (), outputs: Any = (), **more: Any) -> Any:
    """A saved node. An input is (name, link) or (name, link, type); with `*` before its name it is a widget's."""
    listed = []
    for name, link, *rest in inputs:
        each: dict[str, Any] = {"name": name.lstrip("*"), "type": rest[0] if rest else "IMAGE", "link": link}
        if name.startswith("*"):
            each["widget"] = {"name": name.lstrip("*")}
        listed.append(each)
    kinds = [{"name": each, "type": each, "links": []} for each in outputs]
    values = list(values) if isinstance(values, tuple) else values
    return {"id": number, "type": kind, "widgets_values": values, "inputs": listed, "outputs": kinds, **more}


def graph(*nodes: Any, links: Any = (), **more: Any) -> dict[str, Any]:
    """A file of version 0.4. A link is (id, origin, slot, target, slot)."""
    return {"version": 0.4, "nodes": list(nodes), "links": [[*each, "*"] for each in links], **more}


def subgraph(name: str, *nodes: Any, links: Any, inputs: Any = (), outputs: Any = ()) -> dict[str, Any]:
    """A definition. A port is (name, type, its links); its links are objects in every version."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    ports = [[{"name": n, "type": t, "linkIds": list(ids)} for n, t, ids in side] for side in (inputs, outputs)]
    made = [dict(zip(keys, each, strict=True)) for each in links]
    return {"id": name, "name": name, "nodes": list(nodes), "links": made, "inputs": ports[0], "outputs": ports[1]}


def converted(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The inputs of each node that is sent; of several words the first is chosen."""
    prompt = convert(data, DEFINITIONS, choose=lambda _count: 0).prompt
    return {number: entry["inputs"] for number, entry in prompt.items()}
