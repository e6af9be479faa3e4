"""What a workflow's file needs of a server, as operators read it before they open it to others."""

from __future__ import annotations

import json

import pytest

from bot.core.sources.needs import needs_of
from comfy.object_info import ObjectInfo
from comfy.saved import UnreadableWorkflow
from comfy.saved.needs import ModelLink

INFO = ObjectInfo(
    {
        "CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [["a.safetensors"]]}}, "output": ["MODEL"]},
        "Save": {"input": {"required": {"model": ["MODEL"]}}, "output": [], "output_node": True},
        "Fancy": {"input": {"required": {}}, "output": [], "python_module": "custom_nodes.Fancy-Pack"},
        "Buy": {"input": {"required": {}}, "output": [], "python_module": "comfy_api_nodes.buy", "api_node": True},
    }
)
SAVED = {
    "nodes": [
        {
            "id": 1,
            "type": "CheckpointLoaderSimple",
            "widgets_values": ["sub/new.safetensors"],
            "outputs": [{"name": "MODEL", "type": "MODEL", "links": [1]}],
            "properties": {
                "models": [{"name": "new.safetensors", "url": "https://host/new", "directory": "checkpoints"}, 7]
            },
        },
        {"id": 2, "type": "Save", "inputs": [{"name": "model", "type": "MODEL", "link": 1}]},
        {"id": 3, "type": "Fancy"},
        {"id": 4, "type": "Gone", "properties": {"cnr_id": "gone-pack"}},
        {"id": 5, "type": "Lost", "properties": {"aux_id": "someone/lost"}},
    ],
    "links": [[1, 1, 0, 2, 0, "MODEL"]],
    "version": 0.4,
}


def test_a_saved_workflow_names_its_nodes_packs_and_models_with_where_to_get_them() -> None:
    needs = needs_of(json.dumps(SAVED).encode(), INFO)
    assert needs.classes == {"CheckpointLoaderSimple", "Save", "Fancy", "Gone", "Lost"}
    assert (needs.packs, needs.paid) == ({"Fancy-Pack": ("Fancy",)}, frozenset())
    assert needs.unknown == {"Gone": "gone-pack", "Lost": "someone/lost"}
    assert needs.models == (ModelLink("new.safetensors", "checkpoints", "https://host/new"),)
    assert needs.lacks == (
        "The server lacks the nodes Gone (from the pack gone-pack), Lost (from the pack someone/lost). "
        "The server lacks new.safetensors, for the folder checkpoints: https://host/new."
    )
    assert needs.refused(["fancy-pack"]) == ""
    assert needs.refused([]) == (
        "The operator has not allowed these packs of nodes: Fancy-Pack. The workflow uses their nodes Fancy."
    )


def test_a_prompt_for_the_api_names_the_same() -> None:
    prompt = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "b.safetensors"}}}
    more = {"2": {"class_type": "Buy", "inputs": {}}, "3": {"class_type": "Save", "inputs": {"model": ["1", 0]}}}
    needs = needs_of(json.dumps({**prompt, **more}).encode(), INFO)
    assert (needs.paid, needs.models) == ({"Buy"}, (ModelLink("b.safetensors"),))
    assert needs.lacks == "The server lacks b.safetensors."
    assert needs.remarks == (
        "The server lacks b.safetensors. It costs money, and is off until you permit that: on the page, under “Nodes "
        "that cost money”."
    )


def test_only_other_nodes_add_to_what_was_approved() -> None:
    def of(*classes: str) -> bytes:
        return json.dumps(
            {str(number): {"class_type": each, "inputs": {}} for number, each in enumerate(classes)}
        ).encode()

    approved = needs_of(of("Fancy", "Save"), INFO)
    assert not needs_of(of("Fancy"), INFO).adds_to(approved)
    assert not needs_of(of("Save", "Fancy", "Fancy"), INFO).adds_to(approved)
    assert needs_of(of("Fancy", "Save", "Buy"), INFO).adds_to(approved)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "no ComfyUI workflow"),
        (b"\xff", "UTF-8"),
        (b'{"a": 1}', "no ComfyUI workflow"),
        (b'{"nodes": [7]}', "has no type"),
        (b'{"nodes": []}', "has no nodes"),
        (b'{"1": {"class_type": "Save", "inputs": {"x": ["9", 0]}}}', 'node "9", which does not exist'),
    ],
)
def test_what_is_no_workflow_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableWorkflow, match=reason):
        needs_of(content, INFO)
