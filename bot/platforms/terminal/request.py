"""Turn a workflow's form into command options, and the typed options into a `RunRequest`."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bot.core.model import Person, Place, RunRequest, UploadedFile
from bot.core.workflows.form import NUMERIC, Field, FieldKind, Form
from bot.i18n import _


def options(form: Form) -> list[click.Parameter]:
    """Return an option for each field. All take text; the form checks it, as in a chat."""
    return [_option(field) for field in form.fields]


def _option(field: Field) -> click.Option:
    flags = dict.fromkeys((f"--{field.name}", f"--{field.name.replace('_', '-')}"))
    return click.Option([*flags, _parameter(field.name)], metavar=_metavar(field), help=_help(field))


def _parameter(name: str) -> str:
    return "field_" + "".join(letter if letter.isalnum() else "_" for letter in name)


def _metavar(field: Field) -> str:
    if field.is_media:
        return "FILE"
    words = {FieldKind.TOGGLE: "YES|NO", FieldKind.COLOR: "#RRGGBB"}
    return "NUMBER" if field.kind in NUMERIC else words.get(field.kind, "TEXT")


def _help(field: Field) -> str:
    parts = [field.help or field.title]
    if not field.seed:  # the range of a seed tells people nothing
        parts.append(field.range_text)
    if field.choices:
        parts.append(_("one of {choices}").format(choices=", ".join(map(str, field.choices))))
    if field.max_length is not None:
        parts.append(_("at most {count} characters").format(count=field.max_length))
    if field.seed:
        parts.append(_("default: random"))
    elif field.default not in (None, "") and not field.is_media:
        parts.append(_("default: {default}").format(default=field.default))
    elif field.required:
        parts.append(_("required"))
    return "; ".join(part.rstrip(".") for part in parts if part) + "."


def request(workflow: str, form: Form, typed: Mapping[str, Any]) -> RunRequest:
    """Return the request with the typed fields, all as text."""
    given = {field.name: typed.get(_parameter(field.name)) for field in form.fields}
    values = {name: text for name, text in given.items() if text is not None}
    return RunRequest(workflow, values, _person(), Place("terminal", "terminal"))


def completed(request: RunRequest, form: Form, own: Mapping[str, str]) -> RunRequest:
    """Return the request with files where the form has files, which often only the server knows, and with the
    workflow's `own` values for texts that were not typed.
    """
    media = {field.name for field in form.fields if field.is_media}
    typed = {name: _attachment(text) if name in media else text for name, text in request.values.items()}
    words = {name: text for name, text in own.items() if name not in media}
    return replace(request, values={**words, **typed})


def _attachment(text: str) -> UploadedFile:
    path = Path(text).expanduser()
    return UploadedFile(path, path.name)


def _person() -> Person:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "terminal"
    return Person("terminal", name, name, language=language())


def language() -> str:
    """The language of this terminal, such as "de-DE"; empty if it has none."""
    found = next((each for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (each := os.environ.get(name))), "")
    code = found.partition(".")[0].replace("_", "-")
    return "" if code in ("C", "POSIX") else code
