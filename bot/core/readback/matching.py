"""Put the settings of a picture into the fields of a form that take them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from bot.core.readback.found import FoundSettings
from bot.core.workflows.arguments import main_field
from bot.core.workflows.form import Field, FieldKind, Form

#: The names by which authors call the fields that take each setting.
_CALLED = {
    "prompt": ("prompt", "text", "positive", "positive prompt", "words", "description"),
    "avoid": ("avoid", "negative", "negative prompt", "without"),
    "steps": ("steps",),
    "cfg": ("cfg", "cfg scale", "guidance", "strictness"),
    "guidance": ("guidance", "cfg"),
    "sampler": ("sampler", "sampler name"),
    "scheduler": ("scheduler", "schedule"),
    "seed": ("seed", "noise seed"),
    "width": ("width",),
    "height": ("height",),
    "model": ("model", "checkpoint", "ckpt name", "unet name"),
    "strength": ("strength", "denoise", "denoising strength"),
}
_SIZES = ("size", "format", "resolution")


def matched(form: Form, found: FoundSettings) -> dict[str, Any]:
    """Return values for the fields of a form; whether they are allowed is not checked."""
    wanted = {"prompt": found.prompt, "avoid": found.avoid, **found.settings}
    values: dict[str, Any] = {}
    for name, value in wanted.items():
        field = _named(form, _CALLED.get(name, ()))
        if field is None and name == "prompt":
            field = main_field(form)
        if field is not None and value != "" and field.name not in values and not field.is_media:
            values[field.name] = _as_choice(field, value)
    return {**_size(form, found.settings), **values}


def _named(form: Form, names: tuple[str, ...]) -> Field | None:
    called = {_plain(text): each for each in reversed(form.fields) for text in (each.title, each.name) if text}
    return next((called[name] for name in names if name in called), None)


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().lower()))


def _as_choice(field: Field, value: Any) -> Any:
    """The choice that a value means: models are named with and without folders and endings."""
    if field.kind is not FieldKind.CHOICE or not field.choices:
        return value
    wanted = _stem(str(value))
    return next((each for each in field.choices if _stem(each) == wanted), value)


def _stem(name: str) -> str:
    path = PurePosixPath(name.replace("\\", "/").lower())
    return path.stem if path.suffix in (".safetensors", ".ckpt", ".pt", ".pth", ".gguf", ".sft") else path.name


def _size(form: Form, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A field with sizes to choose from takes width and height together."""
    field, size = _named(form, _SIZES), (settings.get("width"), settings.get("height"))
    choices = (field.choices or ()) if field is not None else ()
    fitting = (each for each in choices if tuple(map(int, re.findall(r"\d{2,5}", each)[:2])) == size)
    found = next(fitting, None)
    return {field.name: found} if field is not None and found is not None else {}
