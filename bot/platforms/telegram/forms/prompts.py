"""The words of questions and forms, and the buttons that answer them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.core.platform import Field, FieldKind, Form, Workflow, asked_each
from bot.i18n import _
from bot.platforms.telegram.forms.state import FormState
from bot.platforms.telegram.runs import captions
from bot.platforms.telegram.runs.callback_data import button, rows

_PAGE = 12  # choices or fields that are seen at a time
_LABEL = 40  # characters of a button
_KINDS = {
    "w": "workflow",
    "f": "field",
    "v": "value",
    "p": "page",
    "n": "default",
    "a": "all",
    "b": "back",
    "m": "more",
    "r": "run",
    "x": "end",
    "e": "each",
    "o": "only",
}
_LETTERS = {kind: letter for letter, kind in _KINDS.items()}


@dataclass(frozen=True)
class PromptStep:
    """A button of a draft: which draft it belongs to, what it does, and with what."""

    draft: str
    kind: str
    text: str = ""

    @property
    def number(self) -> int:
        """The text as a number, which a button of ours holds; else one that nothing has."""
        first = self.text.partition("/")[0]
        return int(first) if first.isdecimal() else 1 << 30

    @property
    def data(self) -> str:
        return f"d:{self.draft}:{_LETTERS[self.kind]}:{self.text}"

    @classmethod
    def read(cls, data: str) -> PromptStep | None:
        """Read a button's data; None if it is not a draft's."""
        parts = data.split(":", 3)
        if len(parts) != 4 or parts[0] != "d" or parts[2] not in _KINDS:
            return None
        return cls(parts[1], _KINDS[parts[2]], parts[3])


def question(title: str, field: Field, fault: str, *, private: bool) -> str:
    """The question for a field, as HTML."""
    words = [f"{title}: {field.title}"]
    if fault:
        words.append(fault)
    words.append(" ".join(part for part in (field.help, _range(field)) if part))
    if len(choices_of(field)) > _PAGE:
        words.append(_searchable(private=private))
    words.append(_how(field, private=private))
    return captions.lines("\n".join(word for word in words if word), captions.TEXT)


def answers(draft: FormState, field: Field) -> InlineKeyboardMarkup:
    """Buttons for the choices, or those that are searched for, and the ways out."""
    sought = set(searched(field, draft.search))
    choices = [(number, value, label) for number, (value, label) in enumerate(choices_of(field)) if value in sought]
    first = draft.page * _PAGE
    shown = [
        button(_short(label), PromptStep(draft.id, "value", f"{number}/{_mark(value)}").data)
        for number, value, label in choices[first : first + _PAGE]
    ]
    return InlineKeyboardMarkup([*rows(shown, 2), *_pages(draft, len(choices)), _ways_out(draft, field)])


def searched(field: Field, text: str) -> list[str]:
    """The choices of a field that have all words of a text in them."""
    return [value for value, label in choices_of(field) if _has(f"{value} {label}", text)]


def names(workflow: Workflow) -> set[str]:
    """The names that a person may type for a workflow."""
    return {name.casefold() for name in (workflow.name, workflow.id, workflow.title) if name}


def is_found(workflow: Workflow, text: str) -> bool:
    """True if a workflow's names or its description have all words of a text in them."""
    return bool(text.strip()) and _has(" ".join((*names(workflow), workflow.description)), text)


def _has(text: str, words: str) -> bool:
    return all(word in text.casefold() for word in words.casefold().split())


def chosen(field: Field, step: PromptStep) -> str | None:
    """The choice that a button meant; None where the choices are others by now."""
    choices = choices_of(field)
    value = choices[step.number][0] if step.number < len(choices) else ""
    return value if step.text.partition("/")[2] == _mark(value) else None


def which(draft: FormState, workflows: Sequence[Workflow], *, private: bool) -> tuple[str, InlineKeyboardMarkup]:
    """The question which workflow is meant, among those that are searched for."""
    found = [each for each in workflows if is_found(each, draft.search)] if draft.search else workflows
    first = draft.page * _PAGE
    shown = [
        button(_short(each.label or each.name), PromptStep(draft.id, "workflow", each.id).data)
        for each in found[first : first + _PAGE]
    ]
    words = [_("What would you like?") if workflows else _("No workflow here can use this.")]
    if draft.search:
        words.append(_("Found with “{words}”:").format(words=captions.cut(draft.search, 100)))
    if len(workflows) > _PAGE:
        words.append(_searchable(private=private))
    keyboard = [*rows(shown, 2), *_pages(draft, len(found)), [_cancel(draft)]]
    return captions.plain("\n".join(words)), InlineKeyboardMarkup(keyboard)


def _searchable(*, private: bool) -> str:
    if private:
        return _("Write a part of a name to search.")
    return _("To search, write a part of a name as a reply to this message.")


def several(draft: FormState, count: int) -> tuple[str, InlineKeyboardMarkup]:
    """The question whether a workflow that takes one file shall run once for each of several."""
    each = button(_("{count} runs, one each").format(count=count), PromptStep(draft.id, "each").data)
    only = button(_("Only the first"), PromptStep(draft.id, "only").data)
    return captions.plain(asked_each(count)), InlineKeyboardMarkup([[each], [only], [_cancel(draft)]])


def overview(title: str, draft: FormState, form: Form, faults: str = "") -> tuple[str, InlineKeyboardMarkup]:
    """The fields and their values, each a button, and one for those that few people change. Above them are the form's
    news, and what was wrong.
    """
    notes = [each for each in (draft.news, faults) if each]
    fields = [(number, each) for number, each in enumerate(form.fields) if _is_seen(draft, each)]
    lines = [title, *notes, *(f"{each.title}: {_value(draft, each)}" for _number, each in fields)]
    first = draft.page * _PAGE
    shown = [
        button(_short(f"{each.title}: {_value(draft, each)}"), PromptStep(draft.id, "field", str(number)).data)
        for number, each in fields[first : first + _PAGE]
    ]
    more = [[button(_("More"), PromptStep(draft.id, "more").data)]] if len(fields) < len(form.fields) else []
    last = [button(_("Run"), PromptStep(draft.id, "run").data), _cancel(draft)]
    keyboard = InlineKeyboardMarkup([*rows(shown, 2), *_pages(draft, len(fields)), *more, last])
    return captions.lines("\n".join(lines), captions.TEXT), keyboard


def _is_seen(draft: FormState, field: Field) -> bool:
    """True unless few people change the field, and this person has not either."""
    return not field.is_rare or draft.more or draft.has(field)


def choices_of(field: Field) -> list[tuple[str, str]]:
    """The choices of a field: the value, and its label."""
    if field.kind is FieldKind.TOGGLE:
        return [("yes", _("Yes")), ("no", _("No"))]
    return [(choice, choice) for choice in field.choices or ()]


def _how(field: Field, *, private: bool) -> str:
    """Tell how to answer: in a group, a bot may receive only replies to its messages."""
    if choices_of(field):
        return ""
    if field.is_media:
        return _("Send it here.") if private else _("Send it as a reply to this message.")
    return _("Write it here.") if private else _("Write it as a reply to this message.")


def _range(field: Field) -> str:
    return f"({field.range_text})" if field.range_text and not field.seed else ""


def _ways_out(draft: FormState, field: Field) -> list[InlineKeyboardButton]:
    ways = []
    if not field.required:
        ways.append(button(_("Default"), PromptStep(draft.id, "default").data))
    if draft.wide:
        ways.append(button(_("Back"), PromptStep(draft.id, "back").data))
    else:
        ways.append(button(_("All fields"), PromptStep(draft.id, "all").data))
    return [*ways, _cancel(draft)]


def _pages(draft: FormState, count: int) -> list[list[InlineKeyboardButton]]:
    """Buttons to turn the pages, where there are several: to the first, one back, one on, and to the last."""
    last, page = (count - 1) // _PAGE, draft.page
    if last < 1:
        return []
    turns = [("«", 0), ("←", page - 1)] if page > 0 else []
    turns.append((f"{page + 1}/{last + 1}", page))
    turns += [("→", page + 1), ("»", last)] if page < last else []
    return [[button(label, PromptStep(draft.id, "page", str(to)).data) for label, to in turns]]


def _cancel(draft: FormState) -> InlineKeyboardButton:
    return button(_("Cancel"), PromptStep(draft.id, "end").data)


def _value(draft: FormState, field: Field) -> str:
    if field.is_media:
        return draft.files[field.name].filename if field.name in draft.files else "—"
    text = draft.values.get(field.name, "")
    if not text and field.seed:
        return _("random")
    if not text and field.default is not None:
        text = _("yes") if field.default is True else _("no") if field.default is False else str(field.default)
    return captions.cut(" ".join(text.split()), 80) or "—"


def _short(text: str) -> str:
    return captions.cut(text, _LABEL) if text.strip() else "—"  # some nodes take an empty text as a choice


def _mark(value: str) -> str:
    return f"{zlib.crc32(value.encode()):08x}"
