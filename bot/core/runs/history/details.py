"""The values of a run for people: what they asked for first, and everything that is known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core import status_text
from bot.core.model import RunSummary
from bot.core.run import RunRecord
from bot.core.workflows.form import FieldKind, Form
from bot.i18n import _

_MODEL_FILE = re.compile(r".+\.(safetensors|sft|ckpt|pth?|gguf|onnx|bin)", re.IGNORECASE)


@dataclass(frozen=True)
class RunDetails:
    """Everything that is known of a run. `words` are the texts that its person wrote, whole, by field. The lines of
    `settings` say the other values and the times, those of `made` what came out.
    """

    title: str
    words: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    made: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All but the words."""
        return self.settings + self.made

    @property
    def text(self) -> str:
        """All of it as one text."""
        return "\n".join([self.title, *(f"{name}: {words}" for name, words in self.words), *self.lines])


def arranged(values: Mapping[str, Any], form: Form | None) -> dict[str, Any]:
    """Return values in the order in which people look for them: what was asked, texts first; what was left as it is;
    files of models; seeds. `form` is that of the workflow, None if it is gone.
    """
    return dict(sorted(values.items(), key=lambda each: _rank(each[0], each[1], form)))


def details(run: RunRecord, brief: RunSummary, form: Form | None) -> RunDetails:
    """Return everything that is known of a run. `brief` is the summary of its message."""
    words = [(name, value) for name, value in brief.values.items() if _is_written(name, value, form)]
    written = run.wording.written if run.wording is not None else {}
    as_written = _("{name}, as written: {text}")
    settings = [
        *(as_written.format(name=name, text=text) for name, text in written.items() if name in run.values),
        *(f"{name}: {value}" for name, value in brief.values.items() if (name, value) not in words),
        *(f"{name}: {file.filename}" for name, file in run.inputs.items()),
        *([status_text.cost(brief.price)] if brief.price is not None else []),
        *([_("took {time}").format(time=status_text.seconds(run.took))] if run.took is not None else []),
        *([_("waited {time}").format(time=status_text.seconds(run.waited))] if run.waited is not None else []),
    ]
    made = [*run.shown.texts, *run.shown.warnings, *(file.filename for file in run.shown.files), run.id]
    title = _("{title} for {name}").format(title=brief.title, name=brief.person.name or brief.person.id)
    return RunDetails(title, tuple(words), tuple(settings), tuple(made))


def _rank(name: str, value: Any, form: Form | None) -> tuple[int, int]:
    field = _field(name, form)
    drawn = field is None and not isinstance(value, str)  # without a field, the run drew it
    if name == "seed" if form is None else drawn or (field is not None and field.seed):
        return (3, 0)
    if isinstance(value, str) and _MODEL_FILE.fullmatch(value):
        return (2, 0)
    if field is not None and value == field.default:
        return (1, 0)
    return (0, 0 if isinstance(value, str) and (field is None or field.kind is FieldKind.TEXT) else 1)


def _is_written(name: str, value: Any, form: Form | None) -> bool:
    """True for a text that the person wrote, rather than chose."""
    field = _field(name, form)
    is_text = isinstance(value, str) and bool(value.strip())
    return is_text and _rank(name, value, form)[0] == 0 and (field is None or field.kind is FieldKind.TEXT)


def _field(name: str, form: Form | None) -> Any:
    return next((field for field in form.fields if field.name == name), None) if form is not None else None
