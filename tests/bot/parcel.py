"""A workflow with a colour, a 3D file, any file, a choice that sets several inputs, and fields under More."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comfy.embedded.node import Host, NodeType, Shown

STATUE = b"glTF\x02\0\0\0 a statue"
_FIELDS = """
[fields.shade]
target = "#1.color"
title.de = "Farbton"
kind = "color"

[fields.size]
target = ["#1.width", "#1.height"]
choices = { square = [32, 32], wide = [64, 16] }

[fields.statue]
target = "#2.model_file"

[fields.paper]
target = "#3.file"
kind = "file"

[fields.note]
target = "#4.note"
more = true

[fields.width]
target = "#1.width"
more = true
"""


def write_parcel(folder: Path) -> Path:
    """Put the workflow `parcel` into a folder of workflows."""
    blank = {"width": 32, "height": 32, "batch_size": 1, "color": 0}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": blank},
        "2": {"class_type": "Load3DAdvanced", "inputs": {"model_file": "a.glb"}},
        "3": {"class_type": "LoadPaper", "inputs": {"file": "a.txt"}},
        "4": {"class_type": "Parcel", "inputs": {"statue": ["2", 0], "paper": ["3", 0], "note": "careful"}},
        "5": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parcel.json").write_text(json.dumps(graph))
    (folder / "parcel.toml").write_text(f'title = "Parcel"\ntitle.de = "Paket"\n{_FIELDS}')
    return folder


def write_adults(folder: Path) -> None:
    """Put a workflow for adults into a folder of workflows."""
    blank = {"width": 16, "height": 16, "batch_size": 1, "color": 0}
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": blank},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (folder / "adults.json").write_text(json.dumps(graph))
    (folder / "adults.toml").write_text('title = "Adults"\nnsfw = true\n')


def write_words(folder: Path) -> None:
    """Put a workflow without a sidecar into a folder of workflows: it shows the words that it is given."""
    graph = {
        "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a red fox"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    (folder / "words.json").write_text(json.dumps(graph))


def parcel() -> Mapping[str, NodeType]:
    """The nodes. The text of `Parcel` says where the statue lay, what stands on the paper, and the note."""
    given: dict[str, Any] = {"statue": ("STATUE", {}), "paper": ("PAPER", {}), "note": ("STRING", {})}
    wants = frozenset({"host"})
    return {
        "Load3DAdvanced": _loader("Load3DAdvanced", "model_file", "STATUE"),
        "LoadPaper": _loader("LoadPaper", "file", "PAPER"),
        "Parcel": NodeType("Parcel", "Parcel", "test", _pack, given, {}, {}, (), output_node=True, wants=wants),
    }


def _loader(name: str, given: str, kind: str) -> NodeType:
    def load(host: Host, **values: str) -> Path:
        return host.input_file(values[given])

    spec: Any = ([], {"file_upload": True})
    check = lambda host, **values: None  # noqa: E731
    wants = frozenset({"host"})
    return NodeType(name, name, "test", load, {given: spec}, {}, {}, ((kind, kind),), check=check, wants=wants)


def _pack(host: Host, statue: Path, paper: Path, note: str) -> Shown:
    folder = statue.parent.name if statue.read_bytes() == STATUE else "?"
    return Shown({"text": [f"{folder} {statue.suffix} {paper.read_text()} {note}"]})
