"""The folder that a missing model belongs in, as ComfyUI's own loaders look for it."""

from __future__ import annotations

import pytest

from comfy.models.folders import folder_of


@pytest.mark.parametrize(
    ("class_type", "value", "folder"),
    [
        ("CheckpointLoaderSimple", "v1-5.safetensors", "checkpoints"),
        ("LoraLoader", "XL\\ink.safetensors", "loras/XL"),
        ("UNETLoader", "flux/dev/a.gguf", "diffusion_models/flux/dev"),
        ("UpscaleModelLoader", "4x.pth", "upscale_models"),
        ("SomeonesLoader", "XL/ink.safetensors", ""),
    ],
)
def test_a_loader_has_one_folder(class_type: str, value: str, folder: str) -> None:
    assert folder_of(class_type, value) == folder
