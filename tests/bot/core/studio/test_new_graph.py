"""A form that fits its new graph: what an author changed in the editor is found again, and what is gone is told."""

from __future__ import annotations

import tomllib
from typing import Any

from bot.core.studio.changes import read_toml
from bot.core.studio.new_graph import LostTarget, Moved, fresh_inputs, lost_targets, refitted
from comfy.prompt import Prompt


def node(class_type: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, **({"_meta": {"title": title}} if title else {})}


OLD = Prompt(
    {
        "1": node("CLIPTextEncode", "Prompt", text="a"),
        "2": node("CLIPTextEncode", "Not this", text="b"),
        "3": node("KSampler", steps=20, cfg=7.0),
        "4": node("EmptyImage", width=16, height=16),
        "5": node("SaveImage", "The sheet", images=["4", 0], filename_prefix="x"),
    }
)
SIDECAR = """\
title = "Sheet" # as on the door
outputs = ["The sheet", "#9"]

[fields.prompt]
target = "Prompt.text"

[fields.avoid]
target = "#2.text" # not by its title

[fields.steps]
target = "KSampler.steps" # of the first pass
maximum = 40 # more is too slow

[fields.size]
target = ["EmptyImage.width", "EmptyImage.height"]
"""


def test_fields_follow_their_nodes_and_keep_all_else() -> None:
    new = Prompt(
        {
            "1": node("CLIPTextEncode", "Prompt", text="a"),
            "2": node("StringConcatenate", text="b"),
            "3": node("KSampler", "Finish", steps=20, cfg=7.0, denoise=1.0),
            "14": node("EmptyImage", "Paper", width=16, height=16),
            "15": node("SaveImage", "Print", images=["14", 0], filename_prefix="x"),
        }
    )
    found = refitted(SIDECAR, OLD, new)
    assert found.moved == (
        Moved("avoid", "#2.text", "#2.text", "CLIPTextEncode", "StringConcatenate"),
        Moved("steps", "KSampler.steps", "Finish.steps"),
        Moved("size", "EmptyImage.width", "Paper.width"),
        Moved("size", "EmptyImage.height", "Paper.height"),
    )
    assert found.results == ("#9",)
    wanted = (
        SIDECAR.replace("KSampler", "Finish").replace("EmptyImage", "Paper").replace('"The sheet", "#9"', '"Print"')
    )
    assert found.sidecar == wanted
    assert lost_targets(read_toml(found.sidecar), new, OLD) == ()
    assert fresh_inputs(new, OLD) == {("2", "text"), ("3", "denoise")}


def test_what_is_gone_stays_in_the_form_and_is_told_with_what_could_stand_for_it() -> None:
    new = Prompt(
        {
            "1": node("CLIPTextEncode", "Prompt", text=["7", 0]),
            "7": node("PrimitiveString", value="a"),
            "8": node("KSamplerAdvanced", steps=20, noise_seed=1, add_noise="enable"),
            "9": node("EmptyLatent", width=16, height=16),
        }
    )
    found = refitted(SIDECAR, OLD, new)
    data = tomllib.loads(found.sidecar)
    assert data["fields"] == tomllib.loads(SIDECAR)["fields"]
    assert data["outputs"] == ["#9"]  # a node of this id is there, and the old graph had none
    lost = {each.target: each for each in lost_targets(data, new, OLD)}
    assert lost["Prompt.text"] == LostTarget(
        "prompt", "Prompt.text", ("PrimitiveString.value", "KSamplerAdvanced.add_noise")
    )
    assert lost["KSampler.steps"].others[0] == "KSamplerAdvanced.steps"
    assert lost["EmptyImage.height"].others[0] == "EmptyLatent.height"
    assert len(lost) == 5


def test_results_of_nodes_that_are_all_gone_are_those_of_all_nodes() -> None:
    new = Prompt({"1": node("PreviewImage", images=["2", 0]), "2": node("EmptyImage", width=1)})
    found = refitted('outputs = ["The sheet"]\n[fields.prompt]\ntarget = "Prompt.text"\n', OLD, new)
    assert (found.sidecar, found.results) == ('[fields.prompt]\ntarget = "Prompt.text"\n', ("The sheet",))
    assert refitted("title = [", OLD, new).sidecar == "title = ["
