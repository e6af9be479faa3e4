"""A workflow with a field of every kind, whose results are a video, a sound and a text; and the nodes that it needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comfy.embedded.node import Host, NodeType, Shown

CLIP = Path(__file__).parent / "data" / "clip.webm"  #: two seconds

_FIELDS = {
    "film": "#1.file",
    "sound": "#2.audio",
    "words": "#3.words",
    "style": "#3.style",
    "speed": "#3.speed",
    "takes": "#3.takes",
    "loop": "#3.loop",
    "seed": "#3.seed",
}


def write_reel(folder: Path) -> None:
    """Put the workflow `reel` into a data folder."""
    said = {"words": "Cut!", "style": "calm", "speed": 1.0, "takes": 1, "loop": False, "seed": 0}
    graph = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.webm"}},
        "2": {"class_type": "LoadAudio", "inputs": {"audio": "a.wav"}},
        "3": {"class_type": "Reel", "inputs": {"film": ["1", 0], "sound": ["2", 0], **said}},
    }
    tables = "".join(f'[fields.{field}]\ntarget = "{target}"\n' for field, target in _FIELDS.items())
    made = folder / "workflows"
    made.mkdir(parents=True, exist_ok=True)
    (made / "reel.json").write_text(json.dumps(graph))
    (made / "reel.toml").write_text(f'title = "Reel"\n{tables}')


def reel() -> Mapping[str, NodeType]:
    """The nodes: they hand on the files that they are given."""
    said: dict[str, Any] = {
        "words": ("STRING", {"multiline": True}),
        "style": (["calm", "wild"], {}),
        "speed": ("FLOAT", {"min": 0.5, "max": 2.0, "step": 0.5}),
        "takes": ("INT", {"min": 1, "max": 9}),
        "loop": ("BOOLEAN", {}),
        "seed": ("INT", {"min": 0, "max": 2**64 - 1, "control_after_generate": True}),
    }
    inputs = {"film": ("VIDEO", {}), "sound": ("AUDIO", {}), **said}
    return {
        "LoadVideo": _loader("LoadVideo", "file", "VIDEO", "video_upload"),
        "LoadAudio": _loader("LoadAudio", "audio", "AUDIO", "audio_upload"),
        "Reel": NodeType(
            "Reel", "Reel", "test", _show, inputs, {}, {}, (), output_node=True, wants=frozenset({"host"})
        ),
    }


def _loader(name: str, given: str, kind: str, upload: str) -> NodeType:
    def load(host: Host, **values: str) -> Path:
        return host.input_file(values[given])

    spec: Any = ([], {upload: True})
    check = lambda host, **values: None  # noqa: E731
    wants = frozenset({"host"})
    return NodeType(name, name, "test", load, {given: spec}, {}, {}, ((kind, kind),), check=check, wants=wants)


def _show(host: Host, film: Path, sound: Path, words: str, **values: Any) -> Shown:
    shown: dict[str, list[Any]] = {"text": [" ".join([words, *(str(values[name]) for name in sorted(values))])]}
    for key, path in (("images", film), ("audio", sound)):
        (saved,) = host.next_files("reel", "output", 1, path.suffix)
        shutil.copyfile(path, saved.path)
        shown[key] = [saved.as_json()]
    return Shown(shown)
