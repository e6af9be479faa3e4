"""Nodes: a function, and its declaration for `/object_info`.

For example, this node brightens pictures:

    @node(
        "AdjustBrightness",
        "Adjust Brightness",
        category="image/adjustments",
        inputs={"images": ("IMAGE", {}), "factor": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 2.0})},
        outputs={"images": "IMAGE"},
    )
    def adjust_brightness(images: Image, factor: float) -> Image:
        return np.clip(images * factor, 0.0, 1.0)

Pictures are float32 arrays of shape [batch, height, width, channels] from 0 to 1, masks are
[batch, height, width]: the layouts that ComfyUI itself uses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.float32]

#: `(type, options)` as in `/object_info`; `type` is a list of choices in the older combo form.
Spec: TypeAlias = "tuple[str | list[Any], dict[str, Any]]"


class Host(Protocol):
    """The server's services for a running node. A node's function gets them if it has a parameter named `host`."""

    def folder(self, kind: str) -> Path:
        """Return the folder for "input", "output" or "temp"."""

    def input_file(self, name: str) -> Path:
        """Return the file of a LoadImage value such as "sub/cat.png [output]".

        Raises `ValueError` if the name leaves its folder.
        """

    def next_files(self, prefix: str, kind: str, count: int, suffix: str) -> list[SavedFile]:
        """Return free names for `count` files under a `filename_prefix`, numbered like ComfyUI's."""

    def send_picture(self, png: bytes, number: int, count: int) -> None:
        """Send one of `count` pictures over the websocket, as a result that is not saved."""

    @property
    def prompt(self) -> Mapping[str, Any]:
        """The whole prompt. Saved pictures have it in their metadata."""

    @property
    def extra_pnginfo(self) -> Mapping[str, Any]:
        """`extra_data.extra_pnginfo` of the request: each key becomes a metadata entry of its own."""


@dataclass(frozen=True)
class SavedFile:
    """A file that a node will write: its path, and its reference in `/history` and `/view`."""

    path: Path
    filename: str
    subfolder: str
    type: str

    def as_json(self) -> dict[str, str]:
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


@dataclass(frozen=True)
class Shown:
    """A node's result with data for the user interface, in addition to its outputs or instead of them."""

    ui: Mapping[str, list[Any]]
    outputs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class NodeType:
    """One class_type: its declaration and its function."""

    class_type: str
    display_name: str
    category: str
    function: Callable[..., Any]
    required: Mapping[str, Spec | Callable[[Host], Spec]]
    optional: Mapping[str, Spec | Callable[[Host], Spec]]
    hidden: Mapping[str, str]
    outputs: tuple[tuple[str, str], ...]
    output_node: bool = False
    intermediate_output: bool = False
    check: Callable[..., str | None] | None = None
    fingerprint: Callable[..., str] | None = None
    wants: frozenset[str] = field(default=frozenset())
    module: str = "nodes"
    api_node: bool = False

    def run(self, host: Host, values: Mapping[str, Any]) -> Shown:
        """Run the node with resolved input values, and return every result as a `Shown`."""
        arguments = dict(values)
        if "host" in self.wants:
            arguments["host"] = host
        answer = self.function(**arguments)
        if isinstance(answer, Shown):
            return answer
        return Shown({}, answer if isinstance(answer, tuple) else (answer,))


#: All node types of the built-in engine, by class_type. Importing `comfy.embedded.nodes` fills it.
NODES: dict[str, NodeType] = {}


def node(
    class_type: str,
    display_name: str,
    *,
    category: str,
    inputs: Mapping[str, Spec | Callable[[Host], Spec]],
    optional: Mapping[str, Spec | Callable[[Host], Spec]] = MappingProxyType({}),
    hidden: Mapping[str, str] = MappingProxyType({}),
    outputs: Mapping[str, str] = MappingProxyType({}),
    output_node: bool = False,
    intermediate_output: bool = False,
    check: Callable[..., str | None] | None = None,
    fingerprint: Callable[..., str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a node and register it under its class_type.

    `inputs` and `optional` map an input's name to its spec, or to a function of the `Host` if the choices change (the
    files in the input folder). `outputs` maps names to types, in order. `hidden` appears only in `/object_info`; a
    function gets such a value from the `host`.
    `check(host, **literal_inputs)` returns what is wrong with literal values that ranges cannot express (a missing
    file), as "name - reason", or None. `fingerprint(host, **literal_inputs)` changes if the same values mean something
    new.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        wants = frozenset(inspect.signature(function).parameters)
        NODES[class_type] = NodeType(
            class_type,
            display_name,
            category,
            function,
            inputs,
            optional,
            hidden,
            tuple((name, kind) for name, kind in outputs.items()),
            output_node,
            intermediate_output,
            check,
            fingerprint,
            wants,
        )
        return function

    return register
