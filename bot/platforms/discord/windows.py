"""Windows: a form drawn as Discord's modals, five fields each, one after the other where it has more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import discord

from bot.core.chat import Stored
from bot.core.form import Field, FieldKind
from bot.platforms.discord.asking import Click, Front, ask, guarded, tell
from bot.platforms.discord.declaration import CHOICES, choice_value
from bot.platforms.discord.menu import Dish
from bot.platforms.discord.rendering import cut
from bot.platforms.discord.request import typed
from bot.words import _

FIELDS = 5  # of a window
_LIFE = 900.0  # seconds that a half-filled form is kept
_TEXT = 4000  # characters of an input

Item: TypeAlias = discord.ui.Item[Any]


@dataclass(frozen=True)
class Sheet:
    """A form that is being filled in: the values so far, and which of its fields come next."""

    dish: Dish
    values: Mapping[str, Any] = field(default_factory=dict)
    at: int = 0
    skipped: frozenset[str] = frozenset()
    spoiler: bool = False

    @property
    def fields(self) -> list[Field]:
        """What is asked for, in its order: what must be given comes first."""
        fields = [each for each in self.dish.form.fields if each.name not in self.skipped]
        return sorted(fields, key=lambda each: not each.required)

    @property
    def page(self) -> list[Field]:
        return self.fields[self.at : self.at + FIELDS]

    @property
    def is_enough(self) -> bool:
        """Whether all that must be given has been asked for."""
        return not any(each.required for each in self.fields[self.at :])

    def turned(self, given: Mapping[str, Any]) -> Sheet:
        """The next page, with what this one was given. What was emptied is asked for as nothing."""
        return replace(self, values={**self.values, **given}, at=self.at + FIELDS)


async def open_window(front: Front, click: Click, sheet: Sheet) -> None:
    """Show the next page; it must be the first answer to the interaction. Without any field left, ask at once."""
    if sheet.page:
        await click.response.send_modal(Window(front, sheet))
    else:
        await _ask(front, click, sheet)


async def _ask(front: Front, click: Click, sheet: Sheet) -> None:
    values = {name: value for name, value in sheet.values.items() if value is not None}
    await ask(front, click, sheet.dish.workflow.name, typed(values, sheet.dish.form), spoiler=sheet.spoiler)


class Window(discord.ui.Modal):
    """One page of a form."""

    def __init__(self, front: Front, sheet: Sheet) -> None:
        super().__init__(title=cut(sheet.dish.workflow.title, 45), timeout=_LIFE)
        self._front, self._sheet = front, sheet
        self._inputs = {each.name: _input(each, sheet.values.get(each.name)) for each in sheet.page}
        for each in sheet.page:
            self.add_item(_labelled(each, self._inputs[each.name], sheet.values.get(each.name)))

    async def on_submit(self, click: Click, /) -> None:
        await guarded(click, lambda: self._go_on(click))

    async def _go_on(self, click: Click) -> None:
        given = {name: _value(item) for name, item in self._inputs.items()}
        kept = {name: self._sheet.values.get(name) for name, value in given.items() if value is None}
        files = {name: value for name, value in kept.items() if isinstance(value, Stored | discord.Attachment)}
        sheet = self._sheet.turned({**given, **files})
        if not sheet.page:
            await _ask(self._front, click, sheet)
            return
        left = len(sheet.fields) - sheet.at
        words = _("{count} more fields can be filled in.") if sheet.is_enough else _("The form goes on: {count} more.")
        await tell(click, words.format(count=left), view=Turning(self._front, sheet))


class Turning(discord.ui.View):
    """Between two pages: Discord opens no window as the answer to a window."""

    def __init__(self, front: Front, sheet: Sheet) -> None:
        super().__init__(timeout=_LIFE)
        self._front, self._sheet = front, sheet
        self._add(_("Go on"), self._turn, discord.ButtonStyle.primary)
        if sheet.is_enough:
            self._add(_("Run it now"), self._run, discord.ButtonStyle.success)

    def _add(self, label: str, work: Any, style: discord.ButtonStyle) -> None:
        button: discord.ui.Button[Any] = discord.ui.Button(label=label, style=style)

        async def pressed(click: Click) -> None:
            await guarded(click, lambda: work(click))

        button.callback = pressed  # type: ignore[method-assign, assignment]
        self.add_item(button)

    async def _turn(self, click: Click) -> None:
        await open_window(self._front, click, self._sheet)

    async def _run(self, click: Click) -> None:
        await _ask(self._front, click, self._sheet)


def _labelled(each: Field, item: Item, value: Any) -> discord.ui.Label[Any]:
    parts = [each.help, each.range_text]
    if isinstance(value, Stored | discord.Attachment):
        parts.append(_("now {name}").format(name=value.filename))
    if each.kind is FieldKind.CHOICE and len(each.choices or ()) > CHOICES:
        parts.append(_("one of {count} names").format(count=len(each.choices or ())))
    description = cut(" · ".join(part for part in parts if part), 100)
    return discord.ui.Label(text=cut(each.title or each.name, 45), description=description or None, component=item)


def _input(each: Field, value: Any) -> Item:
    now = value if value is not None else each.default
    if each.is_media:
        needed = each.required and value is None
        return discord.ui.FileUpload(custom_id=each.name, required=needed, min_values=1 if needed else 0, max_values=1)
    if each.kind is FieldKind.TOGGLE:
        return _select(each, [("true", _("Yes")), ("false", _("No"))], str(now).lower())
    if each.kind is FieldKind.CHOICE and each.choices and len(each.choices) <= CHOICES:
        return _select(each, [(choice_value(each), cut(each, 100)) for each in each.choices], str(now))
    return _text_input(each, "" if now is None else _written(now))


def _select(each: Field, options: Sequence[tuple[str, str]], now: str) -> Item:
    shown = [discord.SelectOption(label=label, value=value, default=value == now) for value, label in options]
    return discord.ui.Select(
        custom_id=each.name, options=shown, required=each.required, min_values=1 if each.required else 0
    )


def _text_input(each: Field, now: str) -> Item:
    most = min(each.max_length or _TEXT, _TEXT) if each.kind is FieldKind.TEXT else 200
    long = each.multiline or (each.kind is FieldKind.TEXT and most > 200)
    return discord.ui.TextInput(
        custom_id=each.name,
        style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
        default=now[:most] or None,
        placeholder=_("drawn at random") if each.seed else None,
        required=each.required,
        max_length=most,
    )


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(item: Item) -> Any:
    """What was filled in; None where nothing was."""
    match item:
        case discord.ui.TextInput():
            return item.value if item.value.strip() else None
        case discord.ui.Select() | discord.ui.FileUpload():
            return item.values[0] if item.values else None
        case _:
            return None
