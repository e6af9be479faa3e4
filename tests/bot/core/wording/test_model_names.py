"""Models that words name: whoever writes them in another way means the same file, and the rules see that."""

from __future__ import annotations

import pytest

from bot.core.wording.loras import LoraTags
from bot.core.wording.model_names import ModelNames, embeddings_in

HIDDEN = ModelNames(denied=("hidden", "sub/deep", "odd (2)"))
ONLY = ModelNames(allowed=("mine/*",))


@pytest.mark.parametrize(
    "text",
    [
        "a cat, embedding:hidden",
        "embedding:,hidden,",
        "embedding: , hidden",
        "(embedding:hidden.pt:1.2)",
        "embedding:Hidden.",
        "[embedding:hidden]",
        "embedding:mine/../hidden",
        "embedding:./mine//../hidden",
        "embedding:mine\\..\\hidden",
        "embedding:sub\\deep",
        "embedding:sub/x/../deep.safetensors",
        "(embedding:odd\\ (2\\))",
        "embedding:odd\\(2\\)",
    ],
)
def test_an_embedding_is_recognized_however_its_name_is_written(text: str) -> None:
    named = list(embeddings_in(text))
    rules = ModelNames(denied=(*HIDDEN.denied, "odd(2)", "odd"))
    assert named
    assert not any(map(rules.permits, named))


def test_no_path_leads_out_of_a_folder_that_is_allowed() -> None:
    assert [ONLY.permits(each) for each in embeddings_in("embedding:mine/one, (embedding:mine/two:0.8)")] == [True] * 2
    assert [ONLY.permits(each) for each in embeddings_in("embedding:mine/../other")] == [False]
    assert list(embeddings_in("an embedding: , of dots . and embedding:")) == ["of"]


def test_a_lora_that_taking_out_another_one_makes_is_taken_out_too() -> None:
    tags = LoraTags(["film.safetensors", "hidden.safetensors"])
    assert tags.without("prompt", "a cat <lo<lora:film>ra:hidden:1> here") == "a cat here"
    assert [each.file for each in tags.found] == ["film.safetensors", "hidden.safetensors"]
