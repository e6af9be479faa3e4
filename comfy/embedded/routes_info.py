"""Routes for the server's version, devices and nodes."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from comfy.embedded.folders import Folders, PromptHost
from comfy.embedded.node import NodeType
from comfy.embedded.validation import spec_of

VERSION = "0.33.0"  # the version of ComfyUI that this server imitates
MODEL_FOLDERS = [
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "diffusers",
    "vae_approx",
    "controlnet",
    "gligen",
    "upscale_models",
    "latent_upscale_models",
    "hypernetworks",
    "photomaker",
    "classifiers",
]
_OLD_NAMES = {"clip": "text_encoders", "unet": "diffusion_models"}


class InfoRoutes:
    def __init__(
        self,
        nodes: Mapping[str, NodeType],
        folders: Folders,
        models: Mapping[str, Sequence[str]],
        features: dict[str, Any],
        argv: Sequence[str],
    ) -> None:
        self._nodes, self._folders, self._features, self._argv = nodes, folders, features, argv
        self._models = {**dict.fromkeys(MODEL_FOLDERS, ()), **models}

    def table(self) -> list[web.RouteDef]:
        return [
            web.get("/object_info", self.object_info),
            web.get("/object_info/{class_type}", self.one_object_info),
            web.get("/models", self.models),
            web.get("/models/{folder}", self.models_of),
            web.get("/embeddings", self.embeddings),
            web.get("/system_stats", self.system_stats),
            web.get("/features", self.features),
            web.get("/node_replacements", self.node_replacements),
            web.get("/extensions", self.extensions),
            web.post("/free", self.free),
        ]

    async def object_info(self, _: web.Request) -> web.Response:
        return web.json_response({name: self._declaration(node) for name, node in self._nodes.items()})

    async def one_object_info(self, request: web.Request) -> web.Response:
        class_type = request.match_info["class_type"]
        node = self._nodes.get(class_type)
        return web.json_response({class_type: self._declaration(node)} if node else {})

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response(list(self._models))

    async def models_of(self, request: web.Request) -> web.Response:
        folder = _OLD_NAMES.get(request.match_info["folder"], request.match_info["folder"])
        return web.json_response(list(self._models[folder])) if folder in self._models else web.Response(status=404)

    async def embeddings(self, _: web.Request) -> web.Response:
        return web.json_response([name.rpartition(".")[0] for name in self._models["embeddings"]])

    async def extensions(self, _: web.Request) -> web.Response:
        return web.json_response([])

    async def features(self, _: web.Request) -> web.Response:
        return web.json_response(self._features)

    async def node_replacements(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def free(self, request: web.Request) -> web.Response:
        await request.json()
        return web.Response()

    async def system_stats(self, _: web.Request) -> web.Response:
        system = {
            "os": sys.platform,
            "ram_total": 0,
            "ram_free": 0,
            "comfyui_version": VERSION,
            "python_version": platform.python_version(),
            "pytorch_version": "",
            "embedded_python": False,
            "argv": ["darkroom's built-in engine", *self._argv],
        }
        device = {"name": "cpu", "type": "cpu", "index": None}
        memory = dict.fromkeys(("vram_total", "vram_free", "torch_vram_total", "torch_vram_free"), 0)
        return web.json_response({"system": system, "devices": [{**device, **memory}]})

    def _declaration(self, node: NodeType) -> dict[str, Any]:
        host = PromptHost(self._folders)
        groups = {"required": node.required, "optional": node.optional}
        inputs: dict[str, Any] = {
            group: {name: list(spec_of(spec, host)) for name, spec in specs.items()}
            for group, specs in groups.items()
            if specs or group == "required"
        }
        if node.hidden:
            inputs["hidden"] = dict(node.hidden)
        return {
            "input": inputs,
            "input_order": {group: list(specs) for group, specs in inputs.items()},
            "is_input_list": False,
            "output": [kind for _, kind in node.outputs],
            "output_is_list": [False] * len(node.outputs),
            "output_name": [name for name, _ in node.outputs],
            "name": node.class_type,
            "display_name": node.display_name,
            "description": "",
            "python_module": node.module,
            "category": node.category,
            "output_node": node.output_node,
            "has_intermediate_output": node.intermediate_output,
            **({"api_node": True} if node.api_node else {}),
            **({"price_badge": _badge(*node.price_badge)} if node.price_badge else {}),
        }


def _badge(expression: str, widgets: Mapping[str, str]) -> dict[str, Any]:
    """Return what a node of a partner declares of its price."""
    asks = {"widgets": [{"name": name, "type": kind} for name, kind in widgets.items()]}
    return {"engine": "jsonata", "depends_on": {**asks, "inputs": [], "input_groups": []}, "expr": expression}
