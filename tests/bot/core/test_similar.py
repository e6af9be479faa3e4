from __future__ import annotations

import pytest

from bot.core.similar import similar

MODELS = [f"styles/lora_{number:05}.safetensors" for number in range(5_000)]


@pytest.mark.parametrize(
    ("text", "found"),
    [("lora_04321.safetensor", "styles/lora_04321.safetensors"), ("LORA_04321", "styles/lora_04321.safetensors")],
)
def test_of_very_many_names_the_most_similar_ones_are_found(text: str, found: str) -> None:
    assert found in similar(text, MODELS, 12, 0.3)


def test_what_is_like_no_name_finds_none() -> None:
    assert similar("zzzz", MODELS) == []
    assert similar("", ["a"]) == []
    assert similar("a" * 100_000, MODELS, 12, 0.3) == []
