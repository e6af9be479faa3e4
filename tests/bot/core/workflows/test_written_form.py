"""The automatic form as a sidecar to start from: read again, it is the same form."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from bot.core.workflows.auto_form import declared_fields
from bot.core.workflows.automatic.written import sidecar_of
from bot.core.workflows.saved import ConvertedFile
from bot.core.workflows.sidecar import Faults, read_sidecar
from comfy.prompt import Prompt
from comfy.saved import ShownWidget, Surface
from tests.bot.core.workflows.test_auto_form import graph, painting
from tests.bot.core.workflows.test_conventions import parameter, swarm

_GRAPHS = {
    "painting": painting(),
    "pictures": painting(n8=("LoadImage", {"image": "a.png"}), n9=("SaveImage", {"images": ["8", 0]}, "My result")),
    "parameter": parameter("20", "number (integer)", min=1.0, max=50.0),
    "choice": painting(n9=swarm("Dropdown", value="two", values="one, two")),
    "marks": painting(n5=("KSampler", {**painting()["n5"][1], "seed": "{{seed}}", "steps": "%steps%"})),
    "labels": painting(
        n7=("SaveImage", {"images": ["6", 0]}, "<Out:output:1>"), n2=("T", {"text": "a"}, "<A:prompt:1>")
    ),
}


def written(prompt: Prompt, surface: Surface | None = None) -> tuple[dict[str, Any], Any]:
    """The sidecar as data, and the workflow that it makes."""
    file = ConvertedFile("mine", dict(prompt.to_json()), {}, (), surface or Surface())
    data, faults = tomllib.loads(sidecar_of(file)), Faults()
    workflow = read_sidecar("mine", prompt, data, faults)
    assert faults.found == []
    return data, workflow


@pytest.mark.parametrize("name", _GRAPHS)
def test_a_written_form_is_read_as_the_same_form(name: str) -> None:
    prompt = graph(**_GRAPHS[name])
    _data, workflow = written(prompt)
    assert workflow.declared == declared_fields(prompt)


def test_nodes_are_named_by_titles_where_these_are_unique_and_results_are_kept() -> None:
    prompt = graph(**_GRAPHS["pictures"])
    surface = Surface((ShownWidget("image", (("8", "image"),)), ShownWidget("text", (("2", "text"),))), ("9",))
    data, workflow = written(prompt, surface)
    assert [each["target"] for each in data["fields"].values()] == ["LoadImage.image", "#2.text"]
    assert (data["outputs"], workflow.outputs) == (["My result"], ("9",))
    assert data["fields"]["prompt"] == {
        "target": "#2.text",
        "kind": "text",
        "title": "Prompt",
        "help": "For example: a cat",
        "required": True,
    }
