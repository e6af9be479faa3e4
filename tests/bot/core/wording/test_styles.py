"""Styles: what goes around a text, and which text that is."""

from __future__ import annotations

import pytest

from bot.core.wording.styles import Style, faults, style_field, styled
from bot.core.workflows.form import Field, FieldKind, Form

FORM = Form((Field("avoid", FieldKind.TEXT), Field("prompt", FieldKind.TEXT, required=True)))


@pytest.mark.parametrize(
    ("style", "text", "whole"),
    [
        (Style("a photo of", "on film"), "a cat", "a photo of a cat, on film"),
        (Style("photo:", ", on film"), "a cat.", "photo: a cat., on film"),
        (Style(after="on film"), "a cat!", "a cat! on film"),
        (Style("a photo of", "on film"), "", "a photo of, on film"),
        (Style(before="a photo of"), " a cat ", "a photo of a cat"),
    ],
)
def test_pieces_are_joined_as_people_write(style: Style, text: str, whole: str) -> None:
    assert style.around(text) == whole


def test_the_words_and_what_to_avoid_are_told_apart() -> None:
    style = Style("a photo of", "", "blur")
    assert styled(FORM, style, {"prompt": "a cat"}) == {"prompt": "a photo of a cat", "avoid": "blur"}
    assert styled(FORM, style, {"prompt": "a cat", "avoid": "dogs"})["avoid"] == "dogs, blur"
    assert styled(Form(FORM.fields[1:]), style, {"prompt": "a cat"}) == {"prompt": "a photo of a cat"}


def test_there_is_a_field_where_there_is_something_to_choose_and_a_text_for_it() -> None:
    field = style_field(FORM, {"Film": Style("x"), "comic": Style("y")})
    assert field is not None
    assert (field.name, field.choices, field.unset) == ("style", ("comic", "Film"), "No style")
    own = style_field(Form((*FORM.fields, Field("style", FieldKind.TEXT))), {"Film": Style("x")})
    assert own is not None
    assert own.name == "house_style"
    assert style_field(FORM, {}) is None
    assert style_field(Form(FORM.fields[:1]), {"Film": Style("x")}) is None
    assert "name" in str(faults("", Style("x")))
    assert "500 characters" in str(faults("x", Style("x" * 501)))
