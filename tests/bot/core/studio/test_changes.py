"""What an author changes in a form stands in its sidecar, and the comments of those who wrote it by hand stay."""

from __future__ import annotations

from bot.core.studio.changes import DraftChange, FieldChange, changed

SIDECAR = """\
# Ask Ann before you change it.
title = "Blank"
description = "A plain sheet" # shown in /help

# The colour of the paper.
[fields.color]
maximum = 9 # ten would be too bright
target = "EmptyImage.color"

# The size comes last.
[fields.width]
target = "EmptyImage.width"
"""

COLOR = {"maximum": 9, "target": "EmptyImage.color"}
WIDTH = {"target": "EmptyImage.width"}


def test_fields_move_and_are_renamed_with_the_comments_above_them() -> None:
    fields = (FieldChange("breadth", WIDTH, "width"), FieldChange("color", {**COLOR, "maximum": 8.0}, "color"))
    assert changed(SIDECAR, DraftChange("Blank", "A plain sheet", fields)) == (
        "# Ask Ann before you change it.\n"
        'title = "Blank"\n'
        'description = "A plain sheet" # shown in /help\n\n'
        "# The size comes last.\n"
        "[fields.breadth]\n"
        'target = "EmptyImage.width"\n\n'
        "# The colour of the paper.\n"
        "[fields.color]\n"
        "maximum = 8 # ten would be too bright\n"
        'target = "EmptyImage.color"\n'
    )


def test_two_fields_can_swap_their_names_and_what_is_as_it_was_is_not_touched() -> None:
    same = DraftChange(
        "Blank", "A plain sheet", (FieldChange("color", COLOR, "color"), FieldChange("width", WIDTH, "width"))
    )
    assert changed(SIDECAR, same) == SIDECAR
    swapped = (FieldChange("width", COLOR, "color"), FieldChange("color", WIDTH, "width"))
    text = changed(SIDECAR, DraftChange("Blank", "A plain sheet", swapped))
    assert text.index("The colour of the paper") < text.index("[fields.width]") < text.index("[fields.color]")
    assert "9 # ten" in text


def test_a_form_in_another_shape_is_written_again_as_it_is_meant() -> None:
    sidecar = 'title = "x"\nfields = {b = {target = "A.b"}, a = {target = "A.a"}}\n'
    fields = (FieldChange("a", {"target": "A.a"}, "a"), FieldChange("c", {"target": "A.b", "choices": ["1", "2"]}, "b"))
    text = changed(sidecar, DraftChange("x", "", fields))
    assert text.index("[fields.a]") < text.index("[fields.c]")
    assert 'choices = ["1", "2"]' in text
