"""HTML, put together so that what people typed can never be anything but text."""

from __future__ import annotations

import html
import re
from typing import TypeAlias

from bot.i18n import unturned

Child: TypeAlias = "str | Html | None"
_FROM_THE_LEFT = re.compile(r"((?:https?://|(?<!\w)(?:[.~]?/|@)|(?<!\w)\.env\b)[^\s“”,]*)")  # addresses and files
_VOID = frozenset({"input", "img", "br", "meta", "link"})


class Html(str):
    """Markup: it may stand in a page as it is."""

    __slots__ = ()


def el(tag: str, *children: Child, **attributes: str | bool | None) -> Html:
    """An element, with attributes such as `class_` and `aria_label`; those that are None or False are left out."""
    given = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    if tag in _VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{group(*children)}</{tag}>")


def group(*children: Child) -> Html:
    """Some of them, one after the other."""
    return Html("".join(_safe(child) for child in children if child is not None))


def named(name: str) -> Html:
    """A name that a person chose; it turns no words around it."""
    return el("bdi", unturned(name))


def ltr(text: str) -> Html:
    """An address, a key or a day, which is read from left to right in all languages."""
    return el("bdi", text, dir="ltr")


def told(words: str) -> Html:
    """A sentence; the addresses and files in it are read from left to right."""
    parts = _FROM_THE_LEFT.split(words)
    return group(*(ltr(part) if place % 2 else part for place, part in enumerate(parts)))


def sentence(words: str, **parts: Html) -> Html:
    """A sentence with gaps such as `{name}`, and what stands in them."""
    return Html(html.escape(words).format(**parts))


def _safe(child: str) -> str:
    return str(child) if isinstance(child, Html) else html.escape(child)


def _attribute(name: str, value: str | bool) -> str:
    name = name.rstrip("_").replace("_", "-")
    if isinstance(value, bool):
        return f" {name}" if value else ""
    return f' {name}="{html.escape(value)}"'
