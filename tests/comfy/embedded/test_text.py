"""Words of many scripts on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageFont

from comfy.embedded.node import Image
from comfy.embedded.nodes.text import text_overlay

NONE = "\U000effff"  # a character that no font has


@pytest.fixture
def dejavu() -> None:
    try:
        ImageFont.truetype("DejaVuSans.ttf")
    except OSError:
        pytest.skip("the font DejaVu is not installed")


def drawn(text: str) -> Image:
    paper = np.ones((1, 60, 400, 3), np.float32)
    return text_overlay(paper, text, 40.0, "#000000", "top", "left", False)


@pytest.mark.usefixtures("dejavu")
@pytest.mark.parametrize("text", ["ö", "é", "ж", "Ł"])
def test_a_letter_that_the_usual_font_lacks_is_drawn_with_another_one(text: str) -> None:
    assert not np.array_equal(drawn(text), drawn(NONE))


@pytest.mark.usefixtures("dejavu")
def test_the_font_that_lacks_the_fewest_letters_is_taken() -> None:
    first = np.s_[:, :, :12]
    assert np.array_equal(drawn(f"ö{NONE}")[first], drawn("ö")[first])
