"""Pages are files with gaps: the words that stand in them, and what a page has of its own."""

from __future__ import annotations

import asyncio
import html
from dataclasses import dataclass
from pathlib import Path
from string import Template

from aiohttp import web

from bot.platforms.web.admin.html import Html, el, group
from bot.platforms.web.i18n import page_words

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Shell:
    """The things that pages of one kind share: the class of their body, and the names of their sheets and their script
    below `static/`.
    """

    kind: str
    sheets: tuple[str, ...]
    script: str

    async def around(self, main: Html, about: str, head: Html, up: str = "") -> web.Response:
        """A page with this inside `<main>`, and `head` at its top. `about` is in its title; `up` leads to the address
        of the first page.
        """
        sheets = [el("link", rel="stylesheet", href=f"{up}static/{each}") for each in ("style.css", *self.sheets)]
        links = group(*sheets, el("script", type="module", src=f"{up}static/{self.script}"))
        return await filled("shell.html", kind=self.kind, links=links, about=group(about), head=head, main=main, up=up)


def lamp() -> Html:
    """The mark beside the heading of a page."""
    return el("span", class_="lamp", aria_hidden="true")


async def filled(name: str, **parts: str) -> web.Response:
    """A page with its words put in; `parts` are HTML already."""
    text = await asyncio.to_thread((STATIC / name).read_text, encoding="utf-8")
    escaped = {key: html.escape(value) for key, value in page_words().items()}
    return web.Response(text=Template(text).substitute(escaped | parts), content_type="text/html")
