"""What was asked stands first, and all of it can be read."""

from __future__ import annotations

from bot.core.runs.history.details import arranged
from bot.core.workflows.form import Field, FieldKind, Form

FORM = Form(
    (
        Field("model", FieldKind.CHOICE, default="sd_xl_base_1.0.safetensors"),
        Field("seed", FieldKind.INTEGER, seed=True),
        Field("avoid", FieldKind.TEXT, default="blurry"),
        Field("steps", FieldKind.INTEGER, default=20),
        Field("size", FieldKind.CHOICE, default="square"),
        Field("prompt", FieldKind.TEXT, required=True),
    )
)
VALUES = {"model": "other.ckpt", "seed": 42, "avoid": "blurry", "steps": 30, "size": "square", "prompt": "a fox"}


def test_what_was_asked_stands_before_defaults_files_and_seeds() -> None:
    assert list(arranged({**VALUES, "noise_seed": 7}, FORM)) == [
        "prompt",
        "steps",
        "avoid",
        "size",
        "model",
        "seed",
        "noise_seed",
    ]
    assert list(arranged(VALUES, None))[-2:] == ["model", "seed"]  # the workflow is gone
