"""Windows: a form drawn as Discord's modals, five fields each, one after the other where it has more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import discord

from bot.core.errors import DeliveryFailed, StorageFailed, UserError
from bot.core.model import StoredFile
from bot.core.platform import Field, FieldKind, asked_each, one_each
from bot.i18n import _, ngettext
from bot.platforms.discord.commands.schema import CHOICES, choice_value, in_order, named
from bot.platforms.discord.components import still
from bot.platforms.discord.forms.cache import CachedForm
from bot.platforms.discord.forms.sessions import FormSession, SubmittedFile, called
from bot.platforms.discord.runs.request import asker, place_of, sent, typed
from bot.platforms.discord.runs.submit import Click, DiscordContext, go_on, submit
from bot.platforms.discord.runs.text import cut, plain

FIELDS = 5  # of a window
_FILES = 10  # of an input, at most
_TEXT = 4000  # characters of an input
_TYPED = 4  # the kind of an input in which is typed

Item: TypeAlias = discord.ui.Item[Any]


async def begin(context: DiscordContext, click: Click, session: FormSession, known: Collection[str] = ()) -> None:
    """Open a form; it must be the first answer to the interaction. Without any field to fill in, ask at once. It
    begins behind the first fields that are `known`.
    """
    cached = await _cached(context, click, session)
    await context.cache.check_able(session.workflow)
    name = await context.sessions.add(click.user.id, session)
    fields = _fields(cached, session)
    at = next((number for number, each in enumerate(fields) if each.name not in known), len(fields))
    await _turned(context, click, name, at, cached, session)


async def turn(context: DiscordContext, click: Click, name: str, at: int) -> None:
    """Show the page of a form that begins with a field. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    await _turned(context, click, name, at, await _cached(context, click, session), session)


async def fill(context: DiscordContext, click: Click, name: str, at: int) -> None:
    """Take what was filled into a page, and go on: Discord opens no window as the answer to a window."""
    old = await context.sessions.get(click.user.id, name)
    cached = await _cached(context, click, old)
    fields = _fields(cached, old)
    page = _page(fields, at, old)
    session = replace(old, values={**old.values, **_given(click, page, old.values)})
    await context.sessions.put(click.user.id, name, session)
    rest, asked = fields[at + len(page) :], _asked_each(session)
    if not rest and asked:
        await go_on(click, asked, still(_run_now(name), _change(name)))
        return
    if not rest:
        await _ask(context, click, name, cached, session)
        return
    enough = not any(each.required for each in rest)
    count = len(rest)
    words = (
        ngettext("{count} more field can be filled in.", "{count} more fields can be filled in.", count)
        if enough
        else ngettext("The form has {count} more field.", "The form has {count} more fields.", count)
    )
    onward = _("More") if rest[0].more else _("Continue")
    buttons = [_button(onward, called("turn", name, at + len(page)), discord.ButtonStyle.primary)]
    if enough:
        buttons.append(_run_now(name))
    await go_on(click, " ".join(filter(None, (asked, words.format(count=count)))), still(*buttons))


async def go(context: DiscordContext, click: Click, name: str) -> None:
    """Ask with what has been filled in so far. Raises `UserError`."""
    session = await context.sessions.get(click.user.id, name)
    await _ask(context, click, name, await _cached(context, click, session), session)


async def _cached(context: DiscordContext, click: Click, session: FormSession) -> CachedForm:
    return await context.cache.form(session.workflow, asker(click), place_of(click))


async def _turned(
    context: DiscordContext, click: Click, name: str, at: int, cached: CachedForm, session: FormSession
) -> None:
    page = _page(_fields(cached, session), at, session)
    if page:
        await click.response.send_modal(_window(called("fill", name, at), cached, page, session, news=at == 0))
    elif session.news and at == 0:
        await go_on(click, plain(session.news), still(_run_now(name)))
    else:
        await _ask(context, click, name, cached, session)


async def _ask(context: DiscordContext, click: Click, name: str, cached: CachedForm, session: FormSession) -> None:
    """Have it run. What is refused can be changed and tried again."""
    values = {field: value for field, value in session.values.items() if value is not None}
    if session.picture is not None:
        values[cached.picture_field or ""] = session.picture
    try:
        await submit(
            context,
            click,
            session.workflow,
            typed(values, cached.form),
            spoiler=session.spoiler,
            private=session.private,
        )
    except (UserError, DeliveryFailed, StorageFailed) as refusal:
        if not _fields(cached, session):
            raise
        await go_on(click, str(refusal), still(_change(name)))
    else:
        await context.sessions.drop(click.user.id, name)


def _fields(cached: CachedForm, session: FormSession) -> list[Field]:
    """The fields to ask for, in order. Those that ask for several runs make no window more."""
    known = cached.picture_field if session.picture is not None else None
    fields = in_order(each for each in cached.form.fields if each.name != known)
    asks_matrix, asks_several = (
        [each for each in fields if each.asks_matrix],
        [each for each in fields if each.asks_count or each.asks_matrix],
    )
    for extra in (asks_matrix, asks_several):
        if FIELDS < len(fields) <= FIELDS + len(extra):
            return [each for each in fields if each not in extra]
    return fields


def _page(fields: Sequence[Field], at: int, session: FormSession) -> Sequence[Field]:
    """The fields of the window that begins with a field. What few people change has windows of its own, unless a single
    window has room for all. News take the place of a field.
    """
    most = FIELDS - 1 if session.news and at == 0 else FIELDS
    page = fields[at : at + most]
    if len(fields) <= most or not page or page[0].more:
        return page
    return [each for each in page if not each.more]


def _window(
    custom_id: str, cached: CachedForm, page: Sequence[Field], session: FormSession, *, news: bool
) -> discord.ui.Modal:
    """One page of a form, as a view that has ended already: like a button, it is answered by its name."""
    window = discord.ui.Modal(title=cached.title, timeout=None, custom_id=custom_id)
    if session.news and news:
        window.add_item(discord.ui.TextDisplay(cut(plain(session.news))))
    several = one_each(cached.form, 2)
    for each in page:
        window.add_item(_labelled(each, session.values.get(each.name), _FILES if each.name == several else 1))
    window.stop()
    return window


def _asked_each(session: FormSession) -> str:
    """The question if several files for a field that takes one shall have a run each; empty if there are none."""
    files = [each for each in session.values.values() if isinstance(each, tuple)]
    return asked_each(len(files[0])) if files else ""


def _change(name: str) -> discord.ui.Button[Any]:
    return _button(_("Change"), called("turn", name), discord.ButtonStyle.secondary)


def _run_now(name: str) -> discord.ui.Button[Any]:
    return _button(_("Run it now"), called("go", name), discord.ButtonStyle.success)


def _button(label: str, custom_id: str, style: discord.ButtonStyle) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=label, custom_id=custom_id, style=style)


def _labelled(each: Field, value: Any, files: int) -> discord.ui.Label[Any]:
    parts = [each.help, each.range_text]
    if files > 1:
        parts.append(_("several: a run for each"))
    if now := [file.filename for file in _several(value) if isinstance(file, StoredFile | SubmittedFile)]:
        parts.append(_("now {name}").format(name=", ".join(now)))
    if each.kind is FieldKind.CHOICE and len(each.choices or ()) > CHOICES:
        parts.append(_("one of {count} names").format(count=len(each.choices or ())))
    description = cut(" · ".join(part for part in parts if part), 100)
    title = cut(each.title or each.name, 45)
    return discord.ui.Label(text=title, description=description or None, component=_input(each, value, files))


def _input(each: Field, value: Any, files: int) -> Item:
    now = value if value is not None else each.default
    if each.is_media:
        needed = each.required and value is None
        least = 1 if needed else 0
        return discord.ui.FileUpload(custom_id=each.name, required=needed, min_values=least, max_values=files)
    if each.kind is FieldKind.TOGGLE:
        return _select(each, [("true", _("Yes")), ("false", _("No"))], str(now).lower())
    if each.kind is FieldKind.CHOICE and 0 < len(choices := named(each.choices)) <= CHOICES:
        return _select(each, [(choice_value(each), cut(each, 100)) for each in choices], choice_value(str(now)))
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
        placeholder=_("drawn at random") if each.seed else "#ff8800" if each.kind is FieldKind.COLOR else None,
        required=each.required,
        max_length=most,
    )


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _given(click: Click, page: Sequence[Field], before: Mapping[str, Any]) -> dict[str, Any]:
    """The values filled in, by field: None for an empty field, but a file stays until another replaces it."""
    data: Any = click.data
    labels = [each for each in data["components"] if "component" in each]  # the others are texts
    items = {label["component"]["custom_id"]: label["component"] for label in labels}
    files = data.get("resolved", {}).get("attachments", {})
    given = {}
    for each in page:
        value = _value(items.get(each.name, {}), files)
        old = before.get(each.name)
        given[each.name] = old if value is None and isinstance(old, StoredFile | SubmittedFile | tuple) else value
    return given


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _value(item: Mapping[str, Any], files: Mapping[str, Any]) -> Any:
    if item.get("type") == _TYPED:
        return item["value"] if item["value"].strip() else None
    values = item.get("values") or [None]
    given = tuple(sent(files[each]) for each in values if each in files)
    return given if len(given) > 1 else given[0] if given else values[0]
