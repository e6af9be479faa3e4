"""LoRAs are put behind each loader of a model, before all that uses it."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.models.loras import Lora, lora_files, read_loras, takes_loras, with_loras, write_loras
from comfy.object_info import ObjectInfo
from comfy.prompt import Prompt


def prompt(**nodes: tuple[str, dict[str, Any]]) -> Prompt:
    return Prompt({name[1:]: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()})


PAINTING = prompt(
    n1=("CheckpointLoaderSimple", {"ckpt_name": "a.safetensors"}),
    n2=("LoraLoader", {"model": ["1", 0], "clip": ["1", 1], "lora_name": "own.safetensors", "strength_model": 1.0}),
    n3=("CLIPTextEncode", {"clip": ["2", 1], "text": "a cat"}),
    n4=("KSampler", {"model": ["2", 0], "positive": ["3", 0]}),
    n5=("VAEDecode", {"samples": ["4", 0], "vae": ["1", 2]}),
)


def test_several_stand_in_a_chain_between_the_loader_and_those_that_are_there() -> None:
    made = with_loras(PAINTING, [Lora("x.safetensors", 0.8), Lora("y.safetensors", 1.0, 0.5)]).to_json()
    first, second = made["1-lora-1"], made["1-lora-2"]
    assert first["class_type"] == "LoraLoader"
    assert first["inputs"] == {
        "model": ["1", 0],
        "clip": ["1", 1],
        "lora_name": "x.safetensors",
        "strength_model": 0.8,
        "strength_clip": 0.8,
    }
    assert (second["inputs"]["model"], second["inputs"]["clip"]) == (["1-lora-1", 0], ["1-lora-1", 1])
    assert (second["inputs"]["strength_model"], second["inputs"]["strength_clip"]) == (1.0, 0.5)
    assert (made["2"]["inputs"]["model"], made["2"]["inputs"]["clip"]) == (["1-lora-2", 0], ["1-lora-2", 1])
    assert made["5"]["inputs"]["vae"] == ["1", 2]
    assert {name: made[name] for name in "1345"} == {name: PAINTING.to_json()[name] for name in "1345"}


def test_each_loader_has_its_own_and_one_without_a_text_encoder_another_node() -> None:
    both = prompt(
        n1=("UNETLoader", {"unet_name": "high.safetensors"}),
        n2=("Odd Loader", {"name": "low.gguf"}),
        n3=("KSampler", {"model": ["1", 0], "other": ["2", 1]}),
    )
    info = ObjectInfo({"Odd Loader": {"input": {}, "output": ["VAE", "MODEL"], "output_node": False}})
    made = with_loras(both, [Lora("x.safetensors")], info).to_json()
    assert made["1-lora-1"]["class_type"] == made["2-lora-1"]["class_type"] == "LoraLoaderModelOnly"
    assert made["2-lora-1"]["inputs"] == {"model": ["2", 1], "lora_name": "x.safetensors", "strength_model": 1.0}
    assert made["3"]["inputs"] == {"model": ["1-lora-1", 0], "other": ["2-lora-1", 0]}
    assert takes_loras(both, None)
    assert not takes_loras(prompt(n1=("UNETLoader", {}), n2=("Save", {})), None)  # nothing uses the model


def test_what_was_written_is_read_again() -> None:
    loras = [Lora("sub/x y.safetensors", 0.85), Lora("z.pt", -1.0, 0.5)]
    assert write_loras(loras) == "<lora:sub/x y.safetensors:0.85> <lora:z.pt:-1:0.5>"
    assert read_loras(write_loras(loras)) == loras


@pytest.mark.parametrize("class_type", ["LoraLoader", "LoraLoaderModelOnly"])
def test_the_files_are_those_that_the_servers_list(class_type: str) -> None:
    raw = {class_type: {"input": {"required": {"lora_name": [["b.pt", "a.pt"], {}]}}, "output": ["MODEL"]}}
    assert lora_files(ObjectInfo(raw)) == ("b.pt", "a.pt")
    assert lora_files(ObjectInfo({})) == ()
