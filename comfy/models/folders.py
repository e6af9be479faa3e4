"""The folders in which ComfyUI looks for models: its own loaders, each with the folder below `models`."""

from __future__ import annotations

from collections.abc import Mapping

#: By class_type, as ComfyUI's sources have them (nodes.py and comfy_extras, 0.33). All files of models that a loader
#: takes are in the same folder.
_FOLDERS: Mapping[str, str] = {
    "AudioEncoderLoader": "audio_encoders",
    "CLIPLoader": "text_encoders",
    "CLIPVisionLoader": "clip_vision",
    "CheckpointLoader": "checkpoints",
    "CheckpointLoaderSimple": "checkpoints",
    "ControlNetLoader": "controlnet",
    "DiffControlNetLoader": "controlnet",
    "DualCLIPLoader": "text_encoders",
    "GLIGENLoader": "gligen",
    "HypernetworkLoader": "hypernetworks",
    "ImageOnlyCheckpointLoader": "checkpoints",
    "LatentUpscaleModelLoader": "latent_upscale_models",
    "LoraLoader": "loras",
    "LoraLoaderModelOnly": "loras",
    "ModelPatchLoader": "model_patches",
    "PhotoMakerLoader": "photomaker",
    "QuadrupleCLIPLoader": "text_encoders",
    "StyleModelLoader": "style_models",
    "TripleCLIPLoader": "text_encoders",
    "UNETLoader": "diffusion_models",
    "UpscaleModelLoader": "upscale_models",
    "VAELoader": "vae",
    "unCLIPCheckpointLoader": "checkpoints",
}


def folder_of(class_type: str, value: str) -> str:
    """Return the folder below `models` for a model that a loader names, with the value's own folders; empty if it is
    not known.
    """
    folder = _FOLDERS.get(class_type, "")
    inside = value.replace("\\", "/").rpartition("/")[0]
    return f"{folder}/{inside}" if folder and inside else folder
