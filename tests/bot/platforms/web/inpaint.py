"""A workflow that inverts what a mask covers, so that a result shows where the mask was."""

from __future__ import annotations

import json
from pathlib import Path

_GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {
        "class_type": "ImageCompositeMasked",
        "inputs": {
            "destination": ["1", 0],
            "source": ["2", 0],
            "mask": ["1", 1],
            "x": 0,
            "y": 0,
            "resize_source": False,
        },
    },
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "inpaint"}},
}


def write_inpaint(folder: Path) -> None:
    """Write the workflow `inpaint`, which takes a mask with its picture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inpaint.json").write_text(json.dumps(_GRAPH))
    (folder / "inpaint.toml").write_text('title = "Inpaint"\n[fields.image]\ntarget = "#1.image"\ntitle = "Picture"\n')
