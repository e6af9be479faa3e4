"""The shapes of pictures: which fields make a size, and values that each of them takes."""

from __future__ import annotations

import pytest

from bot.core.workflows.automatic.ratios import size_fields
from bot.core.workflows.form import Field, FieldKind, Form


def _form(names: tuple[str, str] = ("width", "height"), **bounds: float) -> Form:
    return Form(tuple(Field(name, FieldKind.INTEGER, **bounds) for name in names))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bounds",
    [
        {"default": 512, "minimum": 64, "maximum": 2048, "step": 8},
        {"default": 1024, "minimum": 16, "maximum": 1200, "step": 64},
        {"minimum": 1},
        {},
        {"default": 16, "minimum": 0},
        {"default": 100, "minimum": 10, "maximum": 150, "step": 7},
    ],
)
def test_each_shape_is_one_that_the_fields_take_and_has_about_as_many_pixels(bounds: dict[str, float]) -> None:
    form = _form(**bounds)
    found = size_fields(form)
    assert found is not None
    assert [ratio.name for ratio in found.ratios][:1] == ["1:1"]
    pixels = bounds.get("default", 1024) ** 2
    for ratio in found.ratios:
        assert form.faults({"width": ratio.width, "height": ratio.height}) == ()
        across, down = map(int, ratio.name.split(":"))
        assert abs(ratio.width * down / (ratio.height * across) - 1) <= 0.06
        assert 0.35 <= ratio.width * ratio.height / pixels <= 1.2


def test_the_usual_size_has_every_shape() -> None:
    found = size_fields(_form(default=512, minimum=64, maximum=2048, step=8))
    assert found is not None
    assert {(ratio.name, ratio.width, ratio.height) for ratio in found.ratios} >= {("1:1", 512, 512), ("3:2", 624, 416)}
    assert len(found.ratios) == 7


def test_the_two_belong_together_by_their_names() -> None:
    found = size_fields(_form(("Canvas_Height", "Canvas_Width")))
    assert found is not None
    assert (found.width, found.height) == ("Canvas_Width", "Canvas_Height")
    assert size_fields(_form(("width", "tall"))) is None
    assert size_fields(Form((Field("width", FieldKind.TEXT), Field("height", FieldKind.INTEGER)))) is None
