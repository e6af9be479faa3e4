from __future__ import annotations

import pytest

from bot.core.servers.node_words import node_words
from comfy.object_info import ObjectInfo
from comfy.prompt import Node

INFO = ObjectInfo(
    {
        "CheckpointLoaderSimple": {"display_name": "Load Checkpoint", "output": ["MODEL", "CLIP", "VAE"]},
        "SaveImage": {"display_name": "Save Image", "output": [], "output_node": True},
        "🔧 Tint": {"display_name": "🔧 Tint", "output": ["IMAGE", "MASK"]},
        "Speak": {"display_name": "Speak", "output": ["AUDIO"]},
        "Count": {"display_name": "Count", "output": ["INT"]},
    }
)


@pytest.mark.parametrize(
    ("class_type", "title", "words"),
    [
        ("CheckpointLoaderSimple", "Load Checkpoint", "Loading the model"),
        ("CheckpointLoaderSimple", "Model", "Loading the model"),
        ("CheckpointLoaderSimple", "Waking the painter", "Waking the painter"),
        ("CLIPTextEncode", "CLIPTextEncode", "Reading your words"),
        ("KSampler", "Sampler", "Painting"),
        ("SamplerCustomAdvanced", "SamplerCustomAdvanced", "Painting"),
        ("KSamplerSelect", "KSamplerSelect", "Working"),
        ("VAEEncode", "Encode", "Looking at your picture"),
        ("VAEDecode", "VAE Decode", "Developing the picture"),
        ("VAEDecodeAudio", "VAEDecodeAudio", "Developing the sound"),
        ("ImageUpscaleWithModel", "Upscale", "Making the picture larger"),
        ("LoadImage", "LoadImage", "Opening your file"),
        ("SaveImage", "Save image", "Saving the result"),
        ("🔧 Tint", "🔧 Tint", "Working on the picture"),
        ("🔧 Tint", "A warm light", "A warm light"),
        ("Speak", "Speak", "Working on the sound"),
        ("Count", "Count", "Working"),
        ("Unknown", "Unknown", "Working"),
    ],
)
def test_a_node_is_told_in_words_that_members_know(class_type: str, title: str, words: str) -> None:
    inputs = {"ckpt_name": "a.safetensors"} if class_type == "CheckpointLoaderSimple" else {}
    assert node_words(Node("1", class_type, title, inputs), INFO) == words
