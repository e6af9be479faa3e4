"""Workflows that go on from each other: `pair` makes two pictures, `darker`, `lighter` and `gate` take one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy.embedded.node import NodeType
from tests.bot.harness import Gates


def write_onward(folder: Path) -> None:
    """The author of `pair` would use its result in `lighter`."""
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}
    blank = {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 2, "color": 0}}
    (made / "pair.json").write_text(json.dumps({"1": blank, "2": save}))
    (made / "pair.toml").write_text('title = "Pair"\nnext = ["lighter"]\n[fields.color]\ntarget = "#1.color"\n')
    load = {"class_type": "LoadImage", "inputs": {"image": "x.png"}}
    change = {"class_type": "AdjustBrightness", "inputs": {"images": ["0", 0], "factor": 0.5}}
    for name in ("darker", "lighter"):
        (made / f"{name}.json").write_text(json.dumps({"0": load, "1": change, "2": save}))
        fields = '[fields.picture]\ntarget = "#0.image"\n[fields.factor]\ntarget = "#1.factor"\n'
        (made / f"{name}.toml").write_text(f'title = "{name.title()}"\n{fields}')
    gate = {"class_type": "Gate", "inputs": {"image": ["0", 0], "name": "gate"}}
    (made / "gate.json").write_text(json.dumps({"0": load, "1": gate, "2": save}))
    (made / "gate.toml").write_text('title = "Gate"\n[fields.picture]\ntarget = "#0.image"\n')


def gate_that_fails_once() -> dict[str, NodeType]:
    """The nodes of a server at which `gate` fails the first time."""
    fails = [False, True]  # the last first

    def pass_through(image: Any, name: str) -> Any:
        if fails.pop():
            raise ValueError(name)
        return image

    nodes = Gates().nodes()
    return {**nodes, "Gate": replace(nodes["Gate"], function=pass_through)}


def write_recipe(folder: Path, steps: str, more: str = "", name: str = "film") -> None:
    """A recipe beside these workflows."""
    text = f'title = "{name.title()}"\nsteps = "{steps}"\n{more}'
    (folder / "workflows" / f"{name}.recipe.toml").write_text(text)
