"""Choices that set several inputs, such as a size; and colours."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.errors import BadValue
from bot.core.policy.field_constraints import FieldConstraints
from bot.core.policy.rules import Narrowing
from bot.core.workflows.field_kinds import kind_of_file
from bot.core.workflows.form import FieldKind
from bot.core.workflows.sidecar import Faults, read_sidecar
from bot.core.workflows.workflow import Workflow
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt

_SIZES = {"square": [512, 512], "wide": [768, 432], "huge": [4096, 4096]}
_SIZE = {"target": ["#1.width", "#1.height"], "choices": _SIZES}
_INFO = ObjectInfo(
    {
        "Blank": {
            "input": {
                "required": {
                    "width": ["INT", {"min": 16, "max": 2048}],
                    "height": ["INT", {"min": 16, "max": 2048}],
                    "color": ["INT", {"max": 0xFFFFFF}],
                    "shade": ["COLOR", {}],
                }
            },
            "output": ["IMAGE"],
        }
    }
)


def read(**fields: Any) -> tuple[Workflow, list[str]]:
    prompt = Prompt(
        {"1": {"class_type": "Blank", "inputs": {"width": 768, "height": 432, "color": 0, "shade": "#000000"}}}
    )
    faults = Faults()
    made = read_sidecar("blank", prompt, {"fields": fields}, faults)
    return made, [reason for _field, reason in faults.found]


def sent(workflow: Workflow, **given: object) -> tuple[Any, Any]:
    """Width and height of the prompt for what a person gives."""
    values: Any = workflow.form(_INFO).check(given)
    inputs = workflow.fill(values, _INFO)["1"].inputs
    return inputs["width"], inputs["height"]


def test_choices_of_a_text_need_no_kind() -> None:
    workflow, faults = read(shade={"target": "#1.shade", "choices": ["#000000", "#ffffff"]})
    field = workflow.form()["shade"]
    assert faults == []
    assert (field.kind, field.choices, field.default) == (FieldKind.CHOICE, ("#000000", "#ffffff"), "#000000")


def test_a_choice_sets_each_of_its_inputs() -> None:
    workflow, faults = read(size=_SIZE)
    field = workflow.form(_INFO)["size"]
    assert faults == []
    assert (field.kind, field.choices, field.default) == (FieldKind.CHOICE, ("square", "wide"), "wide")
    assert (sent(workflow, size="Square"), sent(workflow)) == ((512, 512), (768, 432))


def test_a_number_that_a_person_gives_goes_before_the_choice() -> None:
    workflow, faults = read(width={"target": "#1.width"}, size=_SIZE)
    assert (faults, workflow.form()["width"].default) == ([], None)
    assert sent(workflow, size="square", width="640") == (640, 512)
    assert sent(workflow, size="square") == (512, 512)


def test_without_a_choice_that_the_graph_has_nothing_is_chosen() -> None:
    workflow, _faults = read(size={**_SIZE, "choices": {"square": [512, 512]}})
    assert workflow.form()["size"].default is None
    assert sent(workflow) == (768, 432)


def test_a_choice_of_one_input_needs_no_list() -> None:
    workflow, faults = read(width={"target": "#1.width", "choices": {"small": 256, "large": 1024}})
    assert faults == []
    assert sent(workflow, width="large") == (1024, 432)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"choices": {"a": [1]}}, "choices: “a” must have one value for each target, 2 in all"),
        ({"choices": {}}, "choices must not be empty"),
        ({"choices": {"a": [1, {}]}}, "choices: the values of “a” must be texts, numbers, true or false"),
        ({"choices": {"a": ["x", 1]}}, "choices: “a” sets “width” to x, and it is 768 in the graph"),
        ({"choices": {"a": [True, 1]}}, "choices: “a” sets “width” to True, and it is 768 in the graph"),
        ({"choices": 3}, "choices must be a list, or a table"),
        ({"default": "b", "choices": {"a": [1, 1]}}, "default: “b” is not one of the choices: a"),
        ({"kind": "text", "choices": {"a": [1, 1]}}, 'choices are only for kind = "choice", and this field is text'),
    ],
)
def test_a_mistake_in_a_table_of_choices(table: dict[str, Any], reason: str) -> None:
    assert reason in read(size={**_SIZE, **table})[1]


def test_two_choices_may_not_set_one_input() -> None:
    _made, faults = read(size=_SIZE, shape={**_SIZE, "target": ["#1.height", "#1.width"]})
    assert faults == [
        "the field “size” already sets “height” of “Blank”",
        "the field “size” already sets “width” of “Blank”",
    ]


def test_moderators_rules_about_a_number_hold_for_the_choice() -> None:
    workflow, _faults = read(width={"target": "#1.width"}, size=_SIZE)
    rules = FieldConstraints((("width", Narrowing(maximum=600)),))
    assert rules.shown(workflow.form(_INFO))["size"].choices == ("square",)
    with pytest.raises(BadValue, match="wide"):
        rules.check(workflow.form(_INFO), {"size": "wide"})
    assert rules.fault(workflow.form(_INFO), {"size": "wide"}) is not None
    assert rules.fault(workflow.form(_INFO), {"size": "square"}) is None
    none = FieldConstraints((("width", Narrowing(maximum=100)),))
    assert none.shown(workflow.form(_INFO)).names == ("width",)


def test_a_colour_is_sent_as_the_node_takes_it() -> None:
    workflow, faults = read(shade={"target": "#1.shade"}, fill={"target": "#1.color", "kind": "color"})
    form = workflow.form(_INFO)
    assert faults == []
    assert [(each.kind, each.default) for each in form.fields] == [(FieldKind.COLOR, "#000000")] * 2
    values: Any = form.check({"shade": "f80", "fill": "#0000FF"})
    inputs = workflow.fill(values, _INFO)["1"].inputs
    assert (inputs["shade"], inputs["color"]) == ("#ff8800", 255)


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("a.glb", None, FieldKind.MODEL_3D),
        ("a", "model/gltf-binary", FieldKind.MODEL_3D),
        ("a.PNG", None, FieldKind.IMAGE),
        ("a.txt", "text/plain", FieldKind.FILE),
        ("a", None, FieldKind.FILE),
    ],
)
def test_the_kind_of_a_persons_file(name: str, content_type: str | None, kind: FieldKind) -> None:
    assert kind_of_file(name, content_type) is kind
