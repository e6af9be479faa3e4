"""Files that may be left out: their loader goes, with the optional inputs that it feeds."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.workflows.form import FieldKind
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

_PICTURE: Any = ["IMAGE", {}]
_GROWS: Any = ["COMFY_AUTOGROW_V3", {"template": {"input": {"required": {"image": _PICTURE}}, "min": 1}}]


def _node(required: dict[str, Any], optional: dict[str, Any] | None = None, **more: Any) -> Any:
    return {"input": {"required": required, "optional": optional or {}}, "output": ["IMAGE"], **more}


_INFO = ObjectInfo(
    {
        "LoadImage": _node({"image": [["a.png"], {"image_upload": True}]}),
        "Edit": _node({"image": _PICTURE}, {"style": _PICTURE}),
        "Scale": _node({"image": _PICTURE}),
        "Blend": _node({"image1": _PICTURE, "image2": _PICTURE}),
        "Batch": _node({"images": _GROWS}),
        "SaveImage": _node({"images": _PICTURE}, output_node=True),
        "PreviewImage": _node({"images": _PICTURE}, output_node=True),
    }
)


def workflow(*middle: tuple[str, dict[str, Any]], **fields: Any) -> Workflow:
    """Two loaders 1 and 2, then these nodes from 3 on; the last of them is saved by 9."""
    load = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    graph: dict[str, Any] = {"1": load, "2": load}
    for number, (class_type, inputs) in enumerate(middle, 3):
        title = {"title": f"My {class_type}"}
        graph[str(number)] = {"class_type": class_type, "inputs": inputs, "_meta": title}
    graph["9"] = {"class_type": "SaveImage", "inputs": {"images": [str(2 + len(middle)), 0]}}
    tables = fields or {"photo": {"target": "#1.image"}, "second": {"target": "#2.image", "required": False}}
    faults = Faults()
    made = read_sidecar("w", Prompt(graph), {"fields": tables}, faults)
    assert faults.found == []
    return made


def sent(made: Workflow, **values: Any) -> dict[str, Any]:
    return {node.id: dict(node.inputs) for node in made.fill({"photo": "p.png", **values}, _INFO)}


def test_the_loader_goes_with_the_optional_input_that_it_feeds() -> None:
    made = workflow(("Edit", {"image": ["1", 0], "style": ["2", 0]}))
    assert sent(made) == {"1": {"image": "p.png"}, "3": {"image": ["1", 0]}, "9": {"images": ["3", 0]}}
    assert sent(made, second="s.png")["3"]["style"] == ["2", 0]
    assert [each.required for each in made.form(_INFO).fields] == [True, False]
    assert list(made.needed_files(_INFO)) == []


def test_a_node_between_goes_too_and_so_does_a_preview() -> None:
    middle = [("Scale", {"image": ["2", 0]}), ("PreviewImage", {"images": ["2", 0]})]
    made = workflow(*middle, ("Edit", {"image": ["1", 0], "style": ["3", 0]}))
    assert sent(made) == {"1": {"image": "p.png"}, "5": {"image": ["1", 0]}, "9": {"images": ["5", 0]}}


def test_where_a_result_needs_the_file_it_stays_required_and_the_author_is_told() -> None:
    made = workflow(("Blend", {"image1": ["1", 0], "image2": ["2", 0]}))
    assert made.form(_INFO)["second"].required
    assert made.form()["second"].required is False  # no server has said so
    ((field, needed),) = made.needed_files(_INFO)
    assert (field.name, needed.node.title, needed.input) == ("second", "My Blend", "image2")
    assert sent(made)["2"] == {"image": "a.png"}


@pytest.mark.parametrize(("least", "is_needed"), [(1, False), (2, True)])
def test_of_inputs_that_grow_the_first_few_are_needed(least: int, is_needed: bool) -> None:
    _GROWS[1]["template"]["min"] = least
    info = ObjectInfo(dict(_INFO.data))
    made = workflow(("Batch", {"images.image0": ["1", 0], "images.image1": ["2", 0]}))
    assert bool(list(made.needed_files(info))) is is_needed


def test_both_of_two_files_may_be_left_out_and_a_field_of_what_goes_with_them_sets_nothing() -> None:
    made = workflow(
        ("Edit", {"image": ["1", 0], "style": ["4", 0]}),
        ("Scale", {"image": ["2", 0], "by": 2}),
        ("Edit", {"image": ["3", 0]}),
        photo={"target": "#1.image"},
        second={"target": "#2.image", "required": False},
        by={"target": "#4.by"},
    )
    assert "4" not in sent(made, by=3)
    assert made.form(_INFO)["second"].kind is FieldKind.IMAGE
